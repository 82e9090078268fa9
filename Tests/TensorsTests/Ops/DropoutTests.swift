import Testing

@testable import Tensors

@Suite struct DropoutTests {
  @Test func keepsAndScalesTheRightShare() throws {
    Random.reseed(5)
    let y = try Dropout(0.25, training: true)(.ones([100, 100])).array(Float.self)
    let kept = y.count { $0 != 0 }
    #expect(abs(kept - 7500) < 200)
    #expect(y.allSatisfy { $0 == 0 || $0 == Float(1 / 0.75) })
  }

  @Test func gradientFlowsWhereTheElementWasKept() throws {
    Random.reseed(5)
    let x = try Tensor.ones([50])
    x.requiresGrad = true
    let y = try Dropout(training: true)(x)
    try Sum(axes: [0])(y).backward()
    #expect(try x.grad?.array(Float.self) == y.array(Float.self))
  }

  @Test func isRepeatable() throws {
    let x = try Tensor.ones([50])
    func draw() throws -> [Float] {
      Random.reseed(9)
      return try Dropout(training: true)(x).array(Float.self)
    }
    #expect(try draw() == draw())
  }

  @Test func changesNothingInEvaluation() throws {
    let x = try Tensor([2], [Float(1), -2])
    x.requiresGrad = true
    let y = try Dropout(0.9)(x)
    #expect(try y.array(Float.self) == [1, -2])
    try Sum(axes: [0])(y).backward()
    #expect(try x.grad?.array(Float.self) == [1, 1])
  }

  @Test func refusesWhatIsNoProbability() {
    #expect(throws: ShapeError.self) { try Dropout(1.5).shape(of: [[1]]) }
    #expect(throws: ShapeError.self) { try Dropout(.nan).shape(of: [[1]]) }
  }
}
