import Tensors

extension Module {
  /// How images should lie in memory for this model: channels-last where the first layer works on channels, as
  /// convolution, normalization and pooling of images do. A guess that changes speed only.
  public final var inputFormat: MemoryFormat {
    let first =
      (self as? Graph)?.firstOperation ?? namedModules().first { $0.module.children.isEmpty }?.module.kind
    guard let first else { return .contiguous }
    return ["conv", "batch_norm", "max_pool", "avg_pool", "global_avg_pool"].contains { first.hasPrefix($0) }
      ? .channelsLast : .contiguous
  }
}

extension Graph {
  /// The name of the first operation that reads the graph's first input.
  fileprivate var firstOperation: String? {
    guard let input = inputs.first else { return nil }
    return order.lazy.compactMap { self.operation($0) }.first { $0.inputs.contains(input) }.map {
      type(of: $0.op).name
    }
  }
}
