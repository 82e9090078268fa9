import LuaHost
import Tensors

extension Tensor {
  static var operators: [Function] {
    [
      Function("__add", "Sum, element by element; shapes broadcast.", Add()),
      Function("__sub", "Difference, element by element; shapes broadcast.", Sub()),
      Function("__mul", "Product, element by element; shapes broadcast. For matrices see matmul.", Mul()),
      Function("__div", "Quotient, element by element; integers give f32.", Div()),
      Function("__pow", "Power, element by element; shapes broadcast.", Pow()),
      Function("__unm", "The negative.", .required("x", Tensor.self, "of any shape")) { x in try Neg()(x) },
    ]
  }
}

extension Function {
  /// An operator of two operands, one of which is a tensor.
  fileprivate init(_ name: String, _ doc: String, _ op: any Op) {
    self.init(
      name, doc, .required("a", OperandArgument.self, "left"), .required("b", OperandArgument.self, "right")
    ) { a, b in
      try op.combine(a, b)
    }
  }
}

extension TensorFunction {
  /// A function of a tensor and another or a number, that an op computes.
  fileprivate init(_ name: String, _ doc: String, with op: any Op) {
    self.init(name, doc, .required("other", OperandArgument.self, "what broadcasts with it")) { x, other in
      try op.combine(.first(x), other)
    }
  }

  static var arithmetic: [TensorFunction] {
    [
      TensorFunction("add", "Sum, element by element; shapes broadcast.", with: Add()),
      TensorFunction("sub", "Difference, element by element; shapes broadcast.", with: Sub()),
      TensorFunction("mul", "Product, element by element; shapes broadcast.", with: Mul()),
      TensorFunction("div", "Quotient, element by element; integers give f32.", with: Div()),
      TensorFunction("pow", "Power, element by element; shapes broadcast.", with: Pow()),
      TensorFunction("maximum", "The larger of two, element by element.", with: Maximum()),
      TensorFunction("minimum", "The smaller of two, element by element.", with: Minimum()),
      TensorFunction(
        "eq", "Where equal: a bool tensor. (`a == b` asks whether they are one tensor.)", with: Equal()),
      TensorFunction("ne", "Where different: a bool tensor.", with: NotEqual()),
      TensorFunction("lt", "Where less: a bool tensor.", with: Less()),
      TensorFunction("le", "Where less or equal: a bool tensor.", with: LessOrEqual()),
      TensorFunction("gt", "Where greater: a bool tensor.", with: Greater()),
      TensorFunction("ge", "Where greater or equal: a bool tensor.", with: GreaterOrEqual()),
      TensorFunction("logical_and", "Where both are true, of bool tensors.", with: LogicalAnd()),
      TensorFunction("logical_or", "Where either is true, of bool tensors.", with: LogicalOr()),
      TensorFunction("logical_not", "Where it is false, of a bool tensor.", LogicalNot()),
      TensorFunction(
        "matmul",
        "The matrix product of the last two dimensions; the others broadcast. A vector counts as a row on "
          + "the left and as a column on the right.",
        .required("other", Tensor.self, "[..., k, n] for [..., m, k]")
      ) { x, other in try MatMul().combine(x, other) },
    ]
  }
}
