import TestSupport
import Testing

@testable import Tensors

@Suite struct LayerNormTests {
  @Test(arguments: 1...3)
  func gradient(inputs: Int) throws {
    let shapes: [Shape] = [[2, 3, 4], [3, 4], [3, 4]]
    switch inputs {
    case 1: try expectGradient(of: LayerNorm(axes: 2), shapes[0])
    case 2: try expectGradient(of: LayerNorm(axes: 2), shapes[0], shapes[1])
    default: try expectGradient(of: LayerNorm(axes: 2), shapes[0], shapes[1], shapes[2])
    }
  }

  /// Expected numbers computed with NumPy.
  @Test(arguments: [DType.f32, .f64])
  func normalizesEachRow(dtype: DType) throws {
    let y = try LayerNorm()(.from([1, 2, 4, 3, -1, 2], [2, 3], dtype))
    let expected = [-1.0690415, -0.2672604, 1.3363019, 0.9805790, -1.3728106, 0.3922315]
    for (a, b) in zip(try y.doubles(), expected) { #expect(abs(a - b) < 1e-6) }
  }

  @Test func namesBothShapes() {
    let error = #expect(throws: ShapeError.self) { try LayerNorm().shape(of: [[2, 8], [4]]) }
    #expect(error?.description == "layer_norm: input [2, 8] ends in [8], weight is [4]")
  }
}
