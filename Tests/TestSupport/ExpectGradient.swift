import Tensors
import Testing

/// Checks the backward pass of `op` against central differences in double precision, for every input that
/// is not excluded, from a random upstream gradient; then that the single-precision gradient agrees.
///
/// - Parameters:
///   - shapes: one per input; inputs are drawn uniformly from `range`.
///   - fixed: inputs given outright by position (indices, statistics): not drawn, not differentiated.
///   - single: whether to compare f32 with f64 as well.
public func expectGradient(
  of op: any Op, _ shapes: Shape..., fixed: [Int: Tensor] = [:], in range: ClosedRange<Double> = -1...1,
  seed: UInt64 = 1, single: Bool = true, tolerance: Double = 1e-6,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  var generator = Generator(seed: seed)
  func random(_ shape: Shape) throws -> Tensor {
    try Tensor(
      shape,
      (0..<shape.elements).map { _ in
        range.lowerBound + (range.upperBound - range.lowerBound) * generator.uniform()
      })
  }
  let inputs = try shapes.indices.map { try fixed[$0] ?? random(shapes[$0]) }
  let upstream = try random(try op.shape(of: shapes))
  let checked = inputs.indices.filter { fixed[$0] == nil }

  let analytic = try gradients(of: op, inputs, upstream, checked)
  for i in checked {
    let values = try inputs[i].doubles()
    let exact = try analytic[i]!.doubles()
    for j in values.indices {
      func loss(_ value: Double) throws -> Double {
        var moved = values
        moved[j] = value
        var arguments = inputs
        arguments[i] = try Tensor(inputs[i].shape, moved)
        let y = try Tape.withoutGradients { try op.apply(arguments) }
        return zip(try y.doubles(), try upstream.doubles()).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let h = 1e-5
      let numeric = (try loss(values[j] + h) - loss(values[j] - h)) / (2 * h)
      let error = abs(numeric - exact[j]) / max(1, abs(numeric))
      #expect(
        error < tolerance,
        "\(op.name): input \(i) element \(j): backward says \(exact[j]), differences say \(numeric)",
        sourceLocation: sourceLocation)
    }
  }

  guard single else { return }
  let floats = try inputs.indices.map {
    checked.contains($0) ? try inputs[$0].converted(to: .f32) : inputs[$0]
  }
  let rounded = try gradients(of: op, floats, try upstream.converted(to: .f32), checked)
  for i in checked {
    for (a, b) in zip(try rounded[i]!.doubles(), try analytic[i]!.doubles()) {
      #expect(
        abs(a - b) <= 1e-4 * max(1, abs(b)), "\(op.name): input \(i): f32 gradient \(a), f64 gradient \(b)",
        sourceLocation: sourceLocation)
    }
  }
}

private func gradients(of op: any Op, _ inputs: [Tensor], _ upstream: Tensor, _ checked: [Int]) throws
  -> [Int: Tensor]
{
  let leaves = inputs.map { $0.detached() }
  for i in checked { leaves[i].requiresGrad = true }
  try op.apply(leaves).backward(from: upstream)
  return Dictionary(
    uniqueKeysWithValues: try checked.map { i in
      (i, try #require(leaves[i].grad, "\(op.name): input \(i) got no gradient"))
    })
}
