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

extension LinearLayer: ReluFusing {
  func forwardWithRelu(_ x: [Tensor]) throws -> Tensor { try forward(x[0], relu: true) }
}

extension Conv2dLayer: ReluFusing {
  func forwardWithRelu(_ x: [Tensor]) throws -> Tensor { try forward(x[0], relu: true) }
}

extension Module {
  /// Whether its result may stay unseen: nobody watches it, and no graph is being captured, whose nodes are the
  /// single layers.
  var mayFuse: Bool { observers.isEmpty && !Tape.isCapturing }

  /// Whether this is relu and may be computed by a neighbour.
  var isFusibleRelu: Bool { (self as? Activation)?.function == .relu && mayFuse }
}

extension Sequential {
  /// Runs the first `count` children, a layer and the relu beside it together where that can be done, and a
  /// convolution, its batch norm and relu where nothing is recorded. Otherwise max pooling
  /// has the first claim on relu: it spares the way back a pass over memory as well.
  func run(_ count: Int, _ input: Tensor) throws -> Tensor {
    func child(_ i: Int) -> Module? { i < count ? children[i].module : nil }
    func pool(behind relu: Int) -> MaxPool2dLayer? {
      guard child(relu)?.isFusibleRelu == true, let pool = child(relu + 1) as? MaxPool2dLayer, pool.mayFuse
      else { return nil }
      return pool
    }
    var x = input
    var i = 0
    while let layer = child(i) {
      if let convolution = layer as? Conv2dLayer, let norm = child(i + 1) as? BatchNormLayer,
        let y = try norm.forward(
          x, behind: convolution, relu: child(i + 2)?.isFusibleRelu == true)
      {
        x = y
        i += child(i + 2)?.isFusibleRelu == true ? 3 : 2
      } else if let pool = pool(behind: i) {
        x = try pool.call([x], pool.forwardWithRelu)
        i += 2
      } else if let fusing = layer as? any ReluFusing, fusing.mayFuse, child(i + 1)?.isFusibleRelu == true,
        pool(behind: i + 1) == nil
      {
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
