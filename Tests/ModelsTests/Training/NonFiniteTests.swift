import Tensors
import Testing

@testable import Models

@Suite struct NonFiniteTests {
  private func model() throws -> Sequential {
    Sequential([try LinearLayer(2, 2), try BatchNormLayer(2), try LinearLayer(2, 1)])
  }

  @Test func findsNothingInAHealthyModel() throws {
    let model = try model()
    let x = try Tensor([2, 2], [Float(1), 2, 3, 4])
    let before = try model.namedParameters().map { try $0.parameter.value.doubles() }
    #expect(try model.firstNonFinite([x])?.description == nil)
    #expect(try model.namedParameters().map { try $0.parameter.value.doubles() } == before)
  }

  @Test func namesTheParameter() throws {
    let model = try model()
    model.namedParameters()[6].parameter.value.floats[0] = .nan
    let found = try model.firstNonFinite([try .ones([2, 2])])
    #expect(found?.description == "parameter 'weight' of layer '2' (linear) is not finite")
  }

  @Test func namesTheFirstLayerThatOverflows() throws {
    let model = try model()
    model.namedParameters()[0].parameter.value.fill(1e38)
    let found = try model.firstNonFinite([try .full([2, 2], 1e38)])
    #expect(
      found?.description == "the output of layer '0' (linear) is not finite, its input and parameters are")
  }

  @Test func namesTheGradient() throws {
    let model = try model()
    model.namedParameters()[1].parameter.value.grad = try .full([2], .infinity)
    let found = try model.firstNonFinite([try Tensor([2, 2], [Float(1), 2, 3, 4])])
    #expect(found?.description == "the gradient of parameter 'bias' of layer '0' (linear) is not finite")
  }

  @Test func namesTheInput() throws {
    #expect(try model().firstNonFinite([try .full([2, 2], .nan)])?.description == "the input is not finite")
  }
}
