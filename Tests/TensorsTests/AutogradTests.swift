import TestSupport
import Testing

@testable import Tensors

@Suite struct AutogradTests {
  private func leaf(_ values: [Float]) throws -> Tensor {
    let x = try Tensor([values.count], values)
    x.requiresGrad = true
    return x
  }

  @Test func addsUpEveryUse() throws {
    let x = try leaf([1, 2])
    try Sum(axes: [0])(Add()(Add()(x, x), x)).backward()
    #expect(try x.grad?.array(Float.self) == [3, 3])
  }

  @Test func accumulatesOverCalls() throws {
    let x = try leaf([1, 2])
    for _ in 0..<2 { try Sum(axes: [0])(x).backward() }
    #expect(try x.grad?.array(Float.self) == [2, 2])
  }

  @Test func gradientsShareNoMemoryWithAnything() throws {
    // Sums hand their gradient on as it is, products make one of their own, concatenation hands on views.
    for combine in [{ try Add()($0, $1) }, { try Mul()($0, $1) }, { try Concat(axis: 0)($0, $1) }]
      as [(Tensor, Tensor) throws -> Tensor]
    {
      let (x, y) = (try leaf([1, 2]), try leaf([1, 2]))
      let z = try combine(x, y)
      let start = try Tensor(z.shape, [Float](repeating: 1, count: z.count))
      try z.backward(from: start)
      let (dx, dy) = (try #require(x.grad), try #require(y.grad))
      let before = try dy.array(Float.self)
      try dx.multiplyInPlace(7)
      #expect(try dy.array(Float.self) == before && start.array(Float.self).allSatisfy { $0 == 1 })
      #expect(try x.array(Float.self) == [1, 2] && y.array(Float.self) == [1, 2])
      #expect(dx.storage.byteCount == dx.byteCount)
    }
  }

  @Test func explainsASecondBackward() throws {
    let loss = try Sum(axes: [0])(leaf([1]))
    try loss.backward()
    let error = #expect(throws: AutogradError.self) { try loss.backward() }
    #expect(error?.description.contains("already used and freed") == true)
  }

  @Test func retainAllowsASecondBackward() throws {
    let x = try leaf([1])
    let loss = try Sum(axes: [0])(x)
    try loss.backward(retain: true)
    try loss.backward()
    #expect(try x.grad?.array(Float.self) == [2])
  }

  @Test func noticesAnInputChangedInPlace() throws {
    let x = try leaf([1])
    let y = try Add()(x, x)
    let loss = try Sum(axes: [0])(y)
    try Tape.withoutGradients { try y.addInPlace(x) }
    #expect(throws: AutogradError.self) { try loss.backward() }
  }

  @Test func noticesAResultChangedInPlace() throws {
    let x = try leaf([1])
    let y = try Exp()(x)
    let loss = try Sum(axes: [0])(y)
    try Tape.withoutGradients { try y.addInPlace(x) }
    #expect(throws: AutogradError.self) { try loss.backward() }
  }

  @Test func remembersNothingWithoutGradients() throws {
    let x = try leaf([1])
    let y = try Tape.withoutGradients { try Add()(x, x) }
    #expect(y.origin == nil)
    #expect(throws: AutogradError.self) { try y.backward(from: y) }
  }

  @Test func freesAndWalksALongChain() throws {
    let x = try leaf([0])
    var y = x
    for _ in 0..<200_000 { y = try Add()(y, x) }
    try y.backward()
    #expect(try x.grad?.array(Float.self) == [200_001])
    y = x
    for _ in 0..<200_000 { y = try Add()(y, x) }
    y = x
  }

  @Test func startsOnlyFromOneNumber() throws {
    let x = try leaf([1, 2])
    let error = #expect(throws: AutogradError.self) { try Add()(x, x).backward() }
    #expect(error?.description.contains("reduce it with sum() or mean()") == true)
  }
}
