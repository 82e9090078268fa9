import LuaHost
import Tensors

extension Tensor {
  /// One layer in one direction, on tensors; `nn.lstm` and `nn.gru` are made of these.
  static var recurrent: [Function] {
    [
      Function(
        "lstm",
        "One layer of long short-term memory in one direction. Gates: input, forget, candidate, output.",
        .sequence, .inputWeight(4), .hiddenWeight(4), .inputBias(4), .hiddenBias(4), .state("h0"),
        .state("c0"),
        .reverse, returns: "tensor, tensor"
      ) { x, inputWeight, hiddenWeight, inputBias, hiddenBias, h0, c0, reverse in
        let given = [inputBias, hiddenBias, h0, c0].compactMap { $0 }
        let result = try LSTM(reversed: reverse).apply([x, inputWeight, hiddenWeight] + given)
        let steps = x.shape[0]
        return LuaResults(
          try result.narrow(axis: 0, start: 0, count: steps), try result.select(axis: 0, index: steps))
      },
      Function(
        "gru", "One layer of gated recurrent units in one direction. Gates: reset, update, candidate.",
        .sequence, .inputWeight(3), .hiddenWeight(3), .inputBias(3), .hiddenBias(3), .state("h0"), .reverse
      ) { x, inputWeight, hiddenWeight, inputBias, hiddenBias, h0, reverse in
        let given = [inputBias, hiddenBias, h0].compactMap { $0 }
        return try GRU(reversed: reverse).apply([x, inputWeight, hiddenWeight] + given)
      },
    ]
  }
}

extension Param where Value == Tensor {
  fileprivate static var sequence: Param { .required("x", Tensor.self, "[T, N, inputs]") }

  fileprivate static func inputWeight(_ gates: Int) -> Param {
    .required("weight_ih", Tensor.self, "[\(gates) hidden, inputs]")
  }

  fileprivate static func hiddenWeight(_ gates: Int) -> Param {
    .required("weight_hh", Tensor.self, "[\(gates) hidden, hidden]")
  }
}

extension Param where Value == Tensor? {
  fileprivate static func inputBias(_ gates: Int) -> Param {
    .option("bias_ih", Tensor?.self, "[\(gates) hidden], with bias_hh")
  }

  fileprivate static func hiddenBias(_ gates: Int) -> Param {
    .option("bias_hh", Tensor?.self, "[\(gates) hidden], with bias_ih")
  }

  fileprivate static func state(_ name: String) -> Param {
    .option(name, Tensor?.self, "[N, hidden] to start from; zeros where left out")
  }
}

extension Param where Value == Bool {
  fileprivate static var reverse: Param {
    .option("reverse", default: false, "whether to walk from the last position to the first")
  }
}
