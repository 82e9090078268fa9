import Tensors
import TestSupport
import Testing

@Suite struct LinearTests {
  @Test(arguments: [[3], [2, 3], [2, 4, 3]] as [Shape]) func gradient(x: Shape) throws {
    try expectGradient(of: Linear(), x, [5, 3], [5])
    try expectGradient(of: Linear(), x, [5, 3])
  }

  @Test func reluFollows() throws {
    try expectGradient(of: Linear(relu: true), [4, 3], [5, 3], [5])
    let x = try Tensor([1, 2], [1, -2] as [Int32]), weight = try Tensor([2, 2], [1, 1, 3, 1] as [Int32])
    #expect(try Linear(relu: true)(x, weight).array(Int32.self) == [0, 1])
  }

  @Test func matchesTheReference() throws {
    let x = try Tensor([2, 3], [1, 2, 3, -1, 0, 2] as [Float])
    let weight = try Tensor([2, 3], [1, 0, -1, 0.5, 2, 1] as [Float])
    let y = try Linear()(x, weight, Tensor([2], [10, 20] as [Float]))
    #expect(try y.array(Float.self) == [8, 27.5, 7, 21.5])
  }

  @Test func worksInIntegers() throws {
    let y = try Linear()(
      Tensor([1, 2], [Int32(3), 4]), Tensor([1, 2], [Int32(5), 6]), Tensor([1], [Int32(1)]))
    #expect(try y.array(Int32.self) == [40])
  }

  @Test func acceptsNoRows() throws {
    #expect(try Linear()(.ones([0, 3]), .ones([5, 3])).shape == [0, 5])
    let weight = try Tensor.ones([5, 3])
    weight.requiresGrad = true
    try Linear()(.ones([0, 3]), weight).backward(from: .ones([0, 5]))
    #expect(try weight.grad?.doubles() == [Double](repeating: 0, count: 15))
  }

  @Test func explainsWhatDoesNotFit() {
    let error = #expect(throws: ShapeError.self) { try Linear().shape(of: [[32, 784], [10, 768]]) }
    #expect(error?.description == "linear: input [32, 784] has 784 features, weight [10, 768] expects 768")
    let bias = #expect(throws: ShapeError.self) { try Linear().shape(of: [[2, 3], [5, 3], [4]]) }
    #expect(bias?.description == "linear: bias must be [5] for weight [5, 3], got [4]")
  }

  @Test func countsMultiplications() {
    #expect(Linear().cost(of: [[2, 4, 3], [5, 3]], output: [2, 4, 5]).macs == 120)
  }
}
