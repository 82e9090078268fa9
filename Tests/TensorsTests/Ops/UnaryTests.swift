import Tensors
import TestSupport
import Testing

@Suite struct UnaryTests {
  /// Ops with the range on which they are smooth and defined; reference values at -1.5, 0.5 and 2 (NumPy, SciPy).
  private static let table: [(op: any Op, range: ClosedRange<Double>, expected: [Double])] = [
    (Neg(), -1...1, [1.5, -0.5, -2]),
    (Square(), -1...1, [2.25, 0.25, 4]),
    (Exp(), -2...2, [0.22313016014842982, 1.6487212707001282, 7.38905609893065]),
    (Tanh(), -2...2, [-0.9051482536448664, 0.46211715726000973, 0.9640275800758169]),
    (Sigmoid(), -4...4, [0.18242552380635635, 0.6224593312018546, 0.8807970779778823]),
    (Erf(), -2...2, [-0.9661051464753108, 0.5204998778130465, 0.9953222650189527]),
    (Gelu(), -3...3, [-0.10021080190328713, 0.34573123063700656, 1.9544997361036416]),
    (Gelu(.tanh), -3...3, [-0.10042842301976707, 0.34571400982514394, 1.954597694087775]),
    (Silu(), -3...3, [-0.27363828570953453, 0.3112296656009273, 1.7615941559557646]),
    (HardSwish(), -2.9...2.9, [-0.375, 0.2916666666666667, 1.6666666666666667]),
    (HardSigmoid(), -2.9...2.9, [0.25, 0.5833333333333334, 0.8333333333333334]),
    (Reciprocal(), 0.5...2, [-0.6666666666666666, 2, 0.5]),
    (Abs(), 0.1...1, [1.5, 0.5, 2]),
    (Relu(), 0.1...1, [0, 0.5, 2]),
    (Clip(-1, 1), -0.9...0.9, [-1, 0.5, 1]),
  ]

  @Test(arguments: table.indices) func matchesTheReference(row: Int) throws {
    let (op, _, expected) = Self.table[row]
    for (type, tolerance) in [(DType.f64, 1e-13), (.f32, 3e-7)] {
      let y = try op.apply([.from([-1.5, 0.5, 2], [3], type)]).doubles()
      for (a, b) in zip(y, expected) {
        #expect(abs(a - b) <= tolerance * max(1, abs(b)), "\(op.name) \(type)")
      }
    }
  }

  @Test(arguments: table.indices) func gradient(row: Int) throws {
    let (op, range, _) = Self.table[row]
    try expectGradient(of: op, [3, 4], in: range)
  }

  @Test func gradientOfLogAndSqrt() throws {
    try expectGradient(of: Log(), [5], in: 0.5...2)
    try expectGradient(of: Sqrt(), [5], in: 0.5...2)
  }

  @Test func gradientBelowAKinkIsZero() throws {
    for op in [Relu(), Clip(0, 6), Clip.relu6, HardSwish()] as [any Op] {
      try expectGradient(of: op, [4], in: -9 ... -4)
    }
    try expectGradient(of: Clip(0, 6), [4], in: 7...9)
    try expectGradient(of: Abs(), [4], in: -2 ... -1)
  }

  /// Slopes of PyTorch's clamp and hardtanh (of which relu6 is one).
  @Test(arguments: [DType.f32, .f64])
  func onItsBoundsAClipPassesGradientsOnUnlessItIsOpen(dtype: DType) throws {
    func slopes(_ op: Clip) throws -> [Double]? {
      let x = try Tensor.from([-1.5, -1, 0.5, 2, 2.5], [5], dtype)
      x.requiresGrad = true
      try op(x).sum().backward()
      return try x.grad?.doubles()
    }
    #expect(try slopes(Clip(-1, 2)) == [0, 1, 1, 1, 0])
    #expect(try slopes(Clip(-1, 2, isOpen: true)) == [0, 0, 1, 0, 0])
    #expect(try slopes(Clip(-1)) == [0, 1, 1, 1, 1])
    #expect(Clip.relu6.isOpen)
  }

  @Test func anIdentityThatCopiesMayBeChanged() throws {
    let x = try Tensor([2], [Float(1), 2])
    try Identity(stopsGradient: true, copies: true)(x).fill(0)
    #expect(try x.array(Float.self) == [1, 2])
    #expect(try Identity()(x).storage === x.storage)
  }

  @Test func logAndSqrtLeaveTheReals() throws {
    #expect(try Log()(.from([1, 0], [2], .f32)).doubles() == [0, -.infinity])
    #expect(try Sqrt()(.from([4, -1], [2], .f64)).doubles()[1].isNaN)
  }

  @Test func keepsIntegersWhereTheFunctionDoes() throws {
    let x = try Tensor([3], [Int8.min, 3, -4])
    #expect(try Abs()(x).array(Int8.self) == [Int8.min, 3, 4])
    #expect(try Neg()(x).array(Int8.self) == [Int8.min, -3, 4])
    #expect(try Relu()(x).array(Int8.self) == [0, 3, 0])
    #expect(try Clip(-1, 1000)(x).array(Int8.self) == [-1, 3, -1])
    #expect(try Square()(x).array(Int8.self) == [0, 9, 16])
    #expect(try Exp()(Tensor([1], [Int64(0)])).dtype == .f32)
  }

  @Test func passesNaNOn() throws {
    let x = try Tensor([1], [Float.nan])
    for op in [Relu(), Clip(0, 6), Gelu(), HardSwish(), HardSigmoid(), Abs()] as [any Op] {
      #expect(try op.apply([x]).item().isNaN, "\(op.name)")
    }
  }

  @Test func acceptsNoElements() throws {
    #expect(try Exp()(.zeros([0, 3])).shape == [0, 3])
  }

  @Test func keepsChannelsLast() throws {
    let x = try Tensor.ones([1, 2, 2, 2]).copy(format: .channelsLast)
    #expect(try Exp()(x).isChannelsLast && Exp()(x).isContiguous == false)
  }

  @Test func refusesBoolArithmetic() {
    let error = #expect(throws: ShapeError.self) { try Neg()(.zeros([2], .bool)) }
    #expect(error?.description == "neg: bool tensors have no arithmetic; convert with to(\"i32\") first")
  }
}
