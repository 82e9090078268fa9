import LuaHost
import Models
import Tensors

extension RecurrentLayer {
  /// What `qs.nn` has of them, one for each kind of cell.
  static var constructors: [Function] {
    [
      constructor(
        .lstm,
        "Long short-term memory. A call returns y, h, c: the hidden state at every position, then the final hidden "
          + "and cell states [layers * directions, N, hidden]; lstm(x, h, c) starts from given ones."),
      constructor(
        .gru,
        "Gated recurrent units. A call returns y, h: the hidden state at every position, then the final one "
          + "[layers * directions, N, hidden]; gru(x, h) starts from a given one."),
    ]
  }

  private static func constructor(_ cell: Cell, _ doc: String) -> Function {
    Function(
      cell.rawValue, doc, .required("inputs", Int.self, "features of a position"),
      .required("hidden", Int.self, "features of the state, and of the result in each direction"),
      .option("layers", default: 1, "on top of each other"),
      .option("bias", default: true, "whether it has biases"),
      .option("batch_first", default: false, "[N, T, features] in and out, in place of [T, N, features]"),
      .option("dropout", default: 0.0, "share of the elements set to 0 between layers in training"),
      .option(
        "bidirectional", default: false, "whether to walk from the end too; the result is twice as wide"),
      returns: "recurrent"
    ) { inputs, hidden, layers, bias, batchFirst, dropout, bidirectional in
      try RecurrentLayer(
        cell, inputs, hidden, layers: layers, bias: bias, batchFirst: batchFirst, dropout: dropout,
        bidirectional: bidirectional) as RecurrentLayer
    }
  }

  /// A recurrent layer returns more than other modules do.
  static var call: Function {
    Function(
      "__call", "The hidden state at every position, then the final states.", .receiver(RecurrentLayer.self),
      .rest("inputs", Tensor.self, "the sequence, then the states to start from"),
      returns: "tensor, tensor, tensor?"
    ) { layer, inputs in
      try require(!inputs.isEmpty, layer.kind, "takes a tensor, got nothing")
      let (output, states) = try layer.callWithStates(inputs)
      return try LuaResults([output] + states)
    }
  }
}
