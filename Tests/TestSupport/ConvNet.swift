import Models
import Tensors

/// A small network with random weights for images [N, 2, 8, 8]: convolution, batch norm, relu, max pooling, a
/// residual block, average pooling, flatten, linear with 5 outputs.
public final class ConvNet: Module {
  let conv: [Parameter]
  let norm: [Parameter]
  let inner: [Parameter]
  let head: [Parameter]

  public init(seed: UInt64) throws {
    var generator = Generator(seed: seed)
    func random(_ shape: Shape, _ scale: Double) throws -> Parameter {
      Parameter(try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal() * scale) }))
    }
    conv = [try random([8, 2, 3, 3], 0.3), try random([8], 0.1)]
    norm = [
      Parameter(try Tensor([8], (0..<8).map { 0.5 + Float($0) / 8 })), try random([8], 0.2),
      Parameter(try random([8], 0.2).value, role: .buffer),
      Parameter(try Tensor([8], (0..<8).map { 0.4 + Float($0) / 4 }), role: .buffer),
    ]
    inner = [try random([8, 8, 1, 1], 0.4)]
    head = [try random([5, 8 * 3 * 3], 0.2), try random([5], 0.1)]
    super.init(kind: "conv_net")
    for (name, group) in [("conv", conv), ("norm", norm), ("inner", inner), ("head", head)] {
      for (i, parameter) in group.enumerated() { register("\(name)_\(i)", parameter) }
    }
  }

  public override func forward(_ t: [Tensor]) throws -> Tensor {
    let x = try Conv2d(padding: 1).apply([t[0]] + conv.map(\.value))
    let y = try Relu()(BatchNorm().apply([x] + norm.map(\.value)))
    let pooled = try MaxPool2d(Window2d(kernel: 2, stride: 2)).apply([y])
    let block = try Relu()(Add()(Conv2d()(pooled, inner[0].value), pooled))
    let small = try AvgPool2d(Window2d(kernel: 2, stride: 1)).apply([block])
    return try Linear()(Reshape([-1, 8 * 3 * 3])(small), head[0].value, head[1].value)
  }
}
