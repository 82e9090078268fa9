import Tensors

/// A layer that can compute itself and relu in one pass over memory. Values and gradients are the same to the
/// last bit.
protocol ReluFusing: Module {
  /// relu behind this layer; for max pooling before or behind, which is the same.
  func forwardWithRelu(_ x: [Tensor]) throws -> Tensor
}

extension BatchNormLayer: ReluFusing {
  func forwardWithRelu(_ x: [Tensor]) throws -> Tensor { try forward(x[0], relu: true) }
}

extension MaxPool2dLayer: ReluFusing {
  func forwardWithRelu(_ x: [Tensor]) throws -> Tensor { try MaxPool2d(op.window, relu: true)(x[0]) }
}

extension Module {
  /// Whether its result may stay unseen: nobody watches it, and no graph is being captured, whose nodes are the
  /// single layers.
  var mayFuse: Bool { observers.isEmpty && !Tape.isCapturing }

  /// Whether this is relu and may be computed by a neighbour.
  var isFusibleRelu: Bool { (self as? Activation)?.function == .relu && mayFuse }
}

extension Sequential {
  /// Runs the first `count` children, a layer and the relu beside it together where that can be done.
  func run(_ count: Int, _ input: Tensor) throws -> Tensor {
    var x = input
    var i = 0
    while i < count {
      let layer = children[i].module
      let next = i + 1 < count ? children[i + 1].module : nil
      if layer.isFusibleRelu, let pool = next as? MaxPool2dLayer, pool.mayFuse {
        x = try pool.call([x], pool.forwardWithRelu)
        i += 2
      } else if let fusing = layer as? any ReluFusing, let next, next.isFusibleRelu, fusing.mayFuse {
        x = try fusing.call([x], fusing.forwardWithRelu)
        i += 2
      } else {
        x = try layer(x)
        i += 1
      }
    }
    return x
  }
}
