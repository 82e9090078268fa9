import Tensors
import Testing

/// Normal random numbers, the same for the same seed.
public func sample(_ shape: Shape, seed: UInt64 = 1) throws -> Tensor {
  var generator = Generator(seed: seed)
  return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
}

/// Between tensors of one shape.
public func largestDifference(_ a: Tensor, _ b: Tensor) throws -> Double {
  #expect(a.shape == b.shape)
  return try zip(a.doubles(), b.doubles()).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
