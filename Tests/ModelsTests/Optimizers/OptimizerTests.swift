import Tensors
import Testing

@testable import Models

/// Four steps from p = (1, -2, 0.5) with gradients `2 p + t (0.1, -0.3, 0.2)`; expected numbers computed with
/// NumPy in double precision from the published formulas.
@Suite struct OptimizerTests {
  private func parameter(_ dtype: DType) throws -> Parameter {
    Parameter(try .from([1, -2, 0.5], [3], dtype))
  }

  private func run(_ optimizer: Optimizer, steps: ClosedRange<Int> = 1...4) throws -> [Double] {
    let value = optimizer.parameters[0].value
    for t in steps {
      let gradient = zip(try value.doubles(), [0.1, -0.3, 0.2]).map { 2 * $0 + $1 * Double(t) }
      value.grad = try .from(gradient, [3], value.dtype)
      try optimizer.step()
    }
    return try value.doubles()
  }

  private func expect(_ values: [Double], _ expected: [Double], _ dtype: DType, within bound: Double = 1e-12)
  {
    for (a, b) in zip(values, expected) { #expect(abs(a - b) < (dtype == .f64 ? bound : 2e-6)) }
  }

  @Test(arguments: [DType.f32, .f64])
  func plainDescent(dtype: DType) throws {
    let values = try run(SGD([parameter(dtype)], learningRate: 0.1))
    expect(values, [0.32767999999999997, -0.57344, 0.040959999999999996], dtype)
  }

  @Test(arguments: [DType.f32, .f64])
  func momentum(dtype: DType) throws {
    let values = try run(
      SGD([parameter(dtype)], learningRate: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.01))
    expect(values, [-0.13279010244862505, 0.3618351208960001, -0.21077742522243742], dtype)
  }

  @Test(arguments: [DType.f32, .f64])
  func nesterov(dtype: DType) throws {
    let values = try run(
      SGD([parameter(dtype)], learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true))
    expect(values, [-0.506328643575667, 1.1918346391814127, -0.521930349832952], dtype)
  }

  @Test(arguments: [DType.f32, .f64])
  func adam(dtype: DType) throws {
    let values = try run(Adam([parameter(dtype)], learningRate: 0.05, betas: (0.9, 0.99), weightDecay: 0.1))
    expect(values, [0.8000237265559262, -1.79966842918173, 0.29954706938835746], dtype)
  }

  @Test(arguments: [DType.f32, .f64])
  func adamW(dtype: DType) throws {
    let values = try run(
      Adam([parameter(dtype)], learningRate: 0.05, betas: (0.9, 0.99), weightDecay: 0.1, decoupled: true))
    expect(values, [0.7816927586369273, -1.7614705881140171, 0.29111046801360063], dtype)
  }

  /// With every row looked up in every step, a table changes as by whole gradients.
  @Test(arguments: [DType.f32, .f64], ["sgd", "momentum", "adam", "adamw"])
  func rowsChangeAsAWholeWould(dtype: DType, method: String) throws {
    func run(isSparse: Bool) throws -> [Double] {
      let table = Parameter(try .from((0..<6).map { Double($0) / 4 }, [3, 2], dtype))
      let optimizer: Optimizer =
        switch method {
        case "sgd": try SGD([table], learningRate: 0.1, weightDecay: 0.01)
        case "momentum": try SGD([table], learningRate: 0.1, momentum: 0.9)
        default: try Adam([table], learningRate: 0.1, weightDecay: 0.1, decoupled: method == "adamw")
        }
      for indices in [[2, 0, 2, 1], [1, 0, 2], [0, 1, 1, 2]] as [[Int64]] {
        optimizer.zeroGradients()
        let y = try Embedding(isSparse: isSparse)(table.value, Tensor([indices.count], indices))
        try y.square().sum().backward()
        try optimizer.step()
      }
      return try table.value.doubles()
    }
    expect(try run(isSparse: true), try run(isSparse: false), dtype)
  }

  /// Expected numbers computed with PyTorch's SparseAdam; a row that is not looked up keeps its moments.
  @Test(arguments: [DType.f32, .f64]) func onlyRowsLookedUpChange(dtype: DType) throws {
    let table = Parameter(try .from((0..<10).map { Double($0 * 7 % 11 - 5) / 4 }, [5, 2], dtype))
    let optimizer = try Adam([table], learningRate: 0.1)
    for indices in [[0, 2, 2], [2, 4], [0]] as [[Int64]] {
      optimizer.zeroGradients()
      try Embedding(isSparse: true)(table.value, Tensor([indices.count], indices)).square().sum().backward()
      try optimizer.step()
    }
    expect(
      try table.value.doubles(),
      [-1.0644145, 0.31517315, -0.5, 1.25, 0.06443034, -0.55892341, 1, 0, -0.92558633, 0.67558633], dtype,
      within: 1e-7)
    #expect(try optimizer.state()["0.exp_avg"]?.shape == [5, 2])
  }

  @Test func clippingShrinksTheRows() throws {
    let table = Parameter(try .ones([4, 1]))
    try (Embedding(isSparse: true)(table.value, Tensor([3], [Int64(1), 1, 3])) * 1.0).sum().backward()
    let norm = try [table].clipGradients(norm: 1)
    #expect(abs(norm - 5.0.squareRoot()) < 1e-6)
    let gradient = try #require(try table.value.grad?.doubles())
    #expect(abs(gradient[1] - 2 / 5.0.squareRoot()) < 1e-5 && gradient[0] == 0)
  }

  @Test func goesOnFromASavedState() throws {
    let whole = try run(Adam([parameter(.f32)]))
    let first = try Adam([parameter(.f32)])
    _ = try run(first, steps: 1...2)
    let second = try Adam(first.parameters)
    try second.load(first.state())
    #expect(second.stepCount == 2)
    #expect(try run(second, steps: 3...4) == whole)
  }

  /// Expected numbers computed with PyTorch: the second parameter has no gradient in the first two steps.
  @Test(arguments: [DType.f32, .f64], [false, true])
  func aParameterThatJoinsLaterBeginsWithItsFirstStep(dtype: DType, decoupled: Bool) throws {
    func steps(_ range: ClosedRange<Int>, _ optimizer: Optimizer) throws {
      for t in range {
        for parameter in optimizer.parameters.prefix(t < 3 ? 1 : 2) {
          let value = parameter.value
          let gradient = zip(try value.doubles(), [0.1, -0.3, 0.2]).map { 2 * $0 + $1 * Double(t) }
          value.grad = try .from(gradient, [3], value.dtype)
        }
        try optimizer.step()
      }
    }
    func adam(_ parameters: [Parameter]) throws -> Adam {
      try Adam(parameters, learningRate: 0.05, betas: (0.9, 0.99), weightDecay: 0.1, decoupled: decoupled)
    }
    let first = try adam([parameter(dtype), parameter(dtype)])
    try steps(1...3, first)
    let second = try adam(first.parameters)  // resumes with as many steps of each
    try second.load(first.state())
    try steps(4...4, second)
    expect(
      try first.parameters.flatMap { try $0.value.doubles() },
      decoupled
        ? [
          0.7816927586369272, -1.7614705881140171, 0.29111046801360063, 0.8902803050285327,
          -1.8802652082355829, 0.39521467261782955,
        ]
        : [
          0.8000237265559262, -1.79966842918173, 0.2995470693883574, 0.9000025096995095,
          -1.8999641530565872, 0.39995298683125946,
        ], dtype)
  }

  @Test(arguments: ["sgd", "adam"])
  func manyParametersGiveTheSameBitsForAnyNumberOfThreads(method: String) throws {
    func run(threads: Int) throws -> [[Float]] {
      let parameters = try [40_000, 7, 90_001, 1].map { count in
        Parameter(try Tensor([count], (0..<count).map { Float($0 % 97) / 16 - 3 }))
      }
      let optimizer =
        method == "sgd"
        ? try SGD(parameters, learningRate: 0.1, momentum: 0.9) : try Adam(parameters, learningRate: 0.1)
      return try Engine.withThreads(threads) {
        for t in 1...3 {
          for (i, parameter) in parameters.enumerated() where i + t != 2 {  // the first joins a step later
            let value = parameter.value
            value.grad = try Tensor(value.shape, (0..<value.count).map { Float(($0 + t) % 13) / 8 - 0.5 })
          }
          try optimizer.step()
        }
        return try parameters.map { try $0.value.array() }
      }
    }
    let alone = try run(threads: 1)
    for threads in [2, 3] { #expect(try run(threads: threads) == alone) }
  }

  @Test func refusesAStateOfOtherParameters() throws {
    let state = ["step": try Tensor([], [Int64(1)]), "0.exp_avg": try Tensor.ones([4])]
    let error = #expect(throws: ShapeError.self) { try Adam([parameter(.f32)]).load(state) }
    #expect(error?.description == "adam: '0.exp_avg' in the state is f32 [4], the parameter is f32 [3]")
  }

  @Test func refusesAStateOfAnotherKindOfOptimizer() throws {
    func stepped(_ optimizer: Optimizer) throws -> [String: Tensor] {
      _ = try run(optimizer)
      return try optimizer.state()
    }
    let plain = try SGD([parameter(.f32)], learningRate: 0.1)
    let momentum = try SGD([parameter(.f32)], learningRate: 0.1, momentum: 0.9)
    let adam = try Adam([parameter(.f32)])
    func message(_ optimizer: Optimizer, _ state: [String: Tensor]) throws -> String? {
      let before = try optimizer.state()
      let error = #expect(throws: ShapeError.self) { try optimizer.load(state) }
      #expect(try optimizer.state().mapValues { try $0.doubles() } == before.mapValues { try $0.doubles() })
      return error?.description
    }
    let (ofPlain, ofAdam) = (try stepped(plain), try stepped(adam))
    let advice = "; load it into one like that it came from"
    for optimizer in [plain, momentum] {
      #expect(
        try message(optimizer, ofAdam)
          == "sgd: the state holds '0.exp_avg', which this optimizer does not keep" + advice)
    }
    #expect(
      try message(adam, stepped(momentum))
        == "adam: the state holds '0.momentum_buffer', which this optimizer does not keep" + advice)
    #expect(
      try message(adam, ofPlain) == "adam: the state lacks '0.exp_avg', which this optimizer keeps" + advice)
    #expect(
      try message(adam, ofAdam.filter { $0.key != "0.exp_avg_sq" })
        == "adam: the state lacks '0.exp_avg_sq', which this optimizer keeps" + advice)
    #expect(
      try message(adam, ofPlain.filter { $0.key == "step" })
        == "adam: the state holds a step count alone; it was saved by another kind of optimizer")
  }

  /// Before the steps of each parameter were counted, a state held those of the optimizer.
  @Test func goesOnFromAStateThatCountsStepsTogether() throws {
    let whole = try run(Adam([parameter(.f32)]))
    let first = try Adam([parameter(.f32)])
    _ = try run(first, steps: 1...2)
    let second = try Adam(first.parameters)
    try second.load(first.state().filter { $0.key != "0.step" })
    #expect(try run(second, steps: 3...4) == whole)
  }

  @Test func goesOnFromAStateBeforeAnyStep() throws {
    let fresh = try Adam([parameter(.f32)])
    try fresh.load(fresh.state())
    #expect(try run(fresh) == run(Adam([parameter(.f32)])))
  }

  @Test func beginsAgainWhereAParameterChangedItsType() throws {
    let parameter = try parameter(.f32)
    let optimizer = try Adam([parameter])
    _ = try run(optimizer)
    parameter.value = try .from([1, -2, 0.5], [3], .f64)
    #expect(try run(optimizer) == run(Adam([self.parameter(.f64)])))
  }

  @Test func refusesAParameterThatIsListedTwice() throws {
    let (one, other) = (try parameter(.f32), try parameter(.f32))
    let error = #expect(throws: ShapeError.self) {
      try Adam([one, other, Parameter(one.value)])
    }
    #expect(
      error?.description == "adam: parameters 1 and 3 of 3 share memory (f32 [3]); list each tensor once")
    let table = try Tensor([4], [Float(1), 2, 3, 4])
    let halves = try [0, 2].map { try Slice(axis: 0, start: $0, count: 2)(table) }
    #expect(throws: Never.self) { try SGD(halves.map { Parameter($0) }, learningRate: 0.1) }
  }

  @Test func marksWhatItChangedThoughAPromiseCannotBeKept() throws {
    let parameters = [try parameter(.f32), try parameter(.f32)]
    try parameters[0].constrain(Unkept())
    let before = parameters[1].value.storage.changed
    for parameter in parameters { parameter.value.grad = try .ones([3]) }
    #expect(throws: ShapeError.self) { try SGD(parameters, learningRate: 0.1).step() }
    #expect(try parameters[1].value.doubles()[0] < 1 && parameters[1].value.storage.changed > before)
  }

  @Test func keepsConstraintsAfterEveryStep() throws {
    let parameter = try parameter(.f32)
    try parameter.constrain(FirstIsZero())
    #expect(try run(SGD([parameter], learningRate: 0.1))[0] == 0)
  }

  @Test func leavesParametersWithoutGradientAlone() throws {
    let parameter = try parameter(.f32)
    try SGD([parameter], learningRate: 1).step()
    #expect(try parameter.value.doubles() == [1, -2, 0.5])
  }

  @Test func refusesNumbersThatMakeNoSense() throws {
    let parameter = try parameter(.f32)
    func message(_ make: () throws -> Optimizer) -> String? {
      (#expect(throws: ShapeError.self) { _ = try make() })?.description
    }
    #expect(
      message { try SGD([parameter], learningRate: -1) }
        == "sgd: argument 'lr' must be a number of at least 0 (got -1.0)")
    #expect(
      message { try Adam([parameter], betas: (1, 0.9)) }
        == "adam: argument 'betas' must be a number of at least 0 and below 1.0 (got 1.0)")
    #expect(message { try Adam([], decoupled: true) } == "adamw: there are no parameters to optimize")
    #expect(
      message { try SGD([parameter], learningRate: 1, nesterov: true) }
        == "sgd: nesterov needs a momentum above 0 and no dampening")
  }
}

private struct FirstIsZero: Constraint {
  static let name = "first_is_zero"
  func enforce(on value: Tensor) throws { value.floats[0] = 0 }
  func check(_ value: Tensor) throws {}
}

/// Holds when it is made, and never again.
private final class Unkept: Constraint, @unchecked Sendable {
  static let name = "unkept"
  private var isMade = false
  func enforce(on value: Tensor) throws {
    if isMade { throw ShapeError("unkept", "cannot be kept") }
    isMade = true
  }
  func check(_ value: Tensor) throws {}
}

@Suite struct ScheduleTests {
  @Test func stepMultipliesByGamma() throws {
    let schedule = try Schedule.step(every: 3, gamma: 0.5)
    #expect((0..<7).map(schedule.factor) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25])
  }

  @Test func cosineEndsAtTheMinimum() throws {
    let schedule = try Schedule.cosine(total: 4, minimum: 0.2)
    let expected = [1, 0.8828427124746191, 0.6, 0.31715728752538097, 0.2, 0.2]
    for (step, factor) in expected.enumerated() { #expect(abs(schedule.factor(step) - factor) < 1e-12) }
  }

  @Test func warmUpRisesThenDoesTheRest() throws {
    let schedule = try Schedule.warmUp(4, then: .step(every: 1, gamma: 0.5))
    #expect((0..<7).map(schedule.factor) == [0.25, 0.5, 0.75, 1, 1, 0.5, 0.25])
  }
}

@Suite struct GradientClippingTests {
  @Test func scalesAllGradientsTogether() throws {
    let parameters = [Parameter(try .ones([1])), Parameter(try .ones([1])), Parameter(try .ones([1]))]
    parameters[0].value.grad = try Tensor([1], [Float(3)])
    parameters[1].value.grad = try Tensor([1], [Float(4)])
    #expect(try parameters.clipGradients(norm: 1) == 5)
    #expect(abs(try parameters[1].value.grad!.item() - 0.8) < 1e-6)
    #expect(abs(try parameters.clipGradients(norm: 2) - 1) < 1e-6)
    #expect(abs(try parameters[0].value.grad!.item() - 0.6) < 1e-6)
  }
}
