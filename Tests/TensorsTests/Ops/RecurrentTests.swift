import TestSupport
import Testing

@testable import Tensors

/// sin(k), sin(2 k), ...: numbers that a reference can make too.
private func wave(_ shape: Shape, _ k: Double, scale: Double = 1) throws -> Tensor {
  try Tensor(shape, (0..<shape.elements).map { scale * Libm.cos(k * Double($0 + 1) - .pi / 2) })
}

/// Figures of PyTorch 2 in double precision: results, final states and every gradient.
@Suite struct RecurrentTests {
  /// x, weights, biases and states as the figures below were made: [4, 2, 3], two hidden units.
  private func inputs(gates: Int, states: Int) throws -> [Tensor] {
    let rows = gates * 2
    let weights = [Shape([rows, 3]), [rows, 2], [rows], [rows]].enumerated()
    return [try wave([4, 2, 3], 0.9)]
      + (try weights.map { try wave($1, 0.31 + 0.17 * Double($0), scale: 0.5) })
      + (try [1.3, 2.1].prefix(states).map { try wave([2, 2], $0, scale: 0.5) })
  }

  private let names = [
    "dx", "dweight_ih_l0", "dweight_hh_l0", "dbias_ih_l0", "dbias_hh_l0", "dh0", "dc0",
  ]

  private func expectClose(
    _ actual: Tensor, _ expected: [Double]?, within tolerance: Double = 1e-8,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try #require(expected, sourceLocation: sourceLocation)
    let values = try actual.doubles()
    #expect(values.count == expected.count, sourceLocation: sourceLocation)
    for (a, b) in zip(values, expected) { #expect(abs(a - b) <= tolerance, sourceLocation: sourceLocation) }
  }

  @Test func lstmGivesPyTorchsResultsAndGradients() throws {
    let leaves = try inputs(gates: 4, states: 2)
    for leaf in leaves { leaf.requiresGrad = true }
    let result = try LSTM().apply(leaves)
    let (y, c) = (try result.narrow(axis: 0, start: 0, count: 4), try result.select(axis: 0, index: 4))
    try expectClose(y, Self.lstm["y"])
    try expectClose(c, Self.lstm["c"])
    try ((y * wave([4, 2, 2], 0.53)).sum() + (c * wave([2, 2], 1.7)).sum()).backward()
    for (name, leaf) in zip(names, leaves) { try expectClose(try #require(leaf.grad), Self.lstm[name]) }
    let single = try LSTM().apply(leaves.map { try $0.detached().converted(to: .f32) })
    try expectClose(single.narrow(axis: 0, start: 0, count: 4), Self.lstm["y"], within: 1e-6)
  }

  @Test func gruGivesPyTorchsResultsAndGradients() throws {
    let leaves = try inputs(gates: 3, states: 1)
    for leaf in leaves { leaf.requiresGrad = true }
    let y = try GRU().apply(leaves)
    try expectClose(y, Self.gru["y"])
    try (y * wave([4, 2, 2], 0.53)).sum().backward()
    for (name, leaf) in zip(names, leaves) { try expectClose(try #require(leaf.grad), Self.gru[name]) }
    let single = try GRU().apply(leaves.map { try $0.detached().converted(to: .f32) })
    try expectClose(single, Self.gru["y"], within: 1e-6)
  }

  @Test(arguments: [false, true]) func haveTheirGradients(reversed: Bool) throws {
    let lstm = LSTM(reversed: reversed), gru = GRU(reversed: reversed)
    try expectGradient(of: lstm, [3, 2, 3], [8, 3], [8, 2])
    try expectGradient(of: lstm, [3, 2, 3], [8, 3], [8, 2], [8], [8])
    try expectGradient(of: lstm, [1, 2, 3], [8, 3], [8, 2], [2, 2], [2, 2])
    try expectGradient(of: lstm, [4, 2, 1], [12, 1], [12, 3], [12], [12], [2, 3], [2, 3])
    try expectGradient(of: gru, [3, 2, 3], [6, 3], [6, 2])
    try expectGradient(of: gru, [3, 2, 3], [6, 3], [6, 2], [6], [6])
    try expectGradient(of: gru, [1, 2, 3], [6, 3], [6, 2], [2, 2])
    try expectGradient(of: gru, [4, 2, 1], [9, 1], [9, 3], [9], [9], [2, 3])
  }

  /// A walk from the end is a walk over the reversed sequence.
  @Test func theReversedWalkIsTheWalkOverTheReversedSequence() throws {
    func reversed(_ x: Tensor) throws -> Tensor {
      try x.slice(axis: 0, start: x.shape[0] - 1, count: x.shape[0], step: -1)
    }
    var t = try inputs(gates: 4, states: 2)
    let back = try LSTM(reversed: true).apply(t)
    t[0] = try reversed(t[0])
    let turned = try LSTM().apply(t)
    let y = try back.narrow(axis: 0, start: 0, count: 4).doubles()
    #expect(try y == reversed(turned.narrow(axis: 0, start: 0, count: 4)).doubles())
    #expect(try back.select(axis: 0, index: 4).doubles() == turned.select(axis: 0, index: 4).doubles())
    var u = try inputs(gates: 3, states: 1)
    let gru = try GRU(reversed: true).apply(u)
    u[0] = try reversed(u[0])
    #expect(try gru.doubles() == reversed(GRU().apply(u)).doubles())
  }

  /// Enough positions that the input's products are made in several blocks, the last one short.
  @Test(arguments: [false, true]) func longSequencesGoBlockByBlock(reversed: Bool) throws {
    let (x, h) = (try wave([9, 64, 3], 0.9), 128)
    let lstm = [x, try wave([4 * h, 3], 0.31, scale: 0.5), try wave([4 * h, h], 0.48, scale: 0.1)]
    let gru = [x, try wave([3 * h, 3], 0.31, scale: 0.5), try wave([3 * h, h], 0.48, scale: 0.1)]
    func compare(_ op: any Op, _ inputs: [Tensor]) throws {
      let exact = try op.apply(inputs).doubles()
      let single = try op.apply(inputs.map { try $0.converted(to: .f32) }).doubles()
      for (a, b) in zip(single, exact) { #expect(abs(a - b) < 1e-5) }
    }
    try compare(LSTM(reversed: reversed), lstm)
    try compare(GRU(reversed: reversed), gru)
  }

  @Test func countTheirWork() throws {
    let lstm = LSTM().cost(of: [[4, 2, 3], [8, 3], [8, 2]], output: [5, 2, 2])
    #expect(lstm.macs == 4 * 2 * (8 * 3 + 8 * 2))
    #expect(
      GRU().cost(of: [[4, 2, 3], [6, 3], [6, 2]], output: [4, 2, 2]).macs == 4 * 2 * (6 * 3 + 6 * 2))
  }

  @Test func anEmptyBatchHasAnEmptyResult() throws {
    let weights = [try wave([8, 3], 1), try wave([8, 2], 1)]
    for weight in weights { weight.requiresGrad = true }
    let y = try LSTM().apply([.zeros([4, 0, 3], .f64)] + weights)
    #expect(y.shape == [5, 0, 2])
    try y.sum().backward()
    #expect(try weights[0].grad?.doubles() == [Double](repeating: 0, count: 24))
  }

  @Test(
    arguments: [
      ([[4, 2, 3], [8, 3], [6, 2]], "weight_hh must be [4 hidden, hidden], got [6, 2]"),
      ([[4, 2, 3], [8, 4], [8, 2]], "need weight_ih [8, 3], got [8, 4]"),
      ([[2, 3], [8, 3], [8, 2]], "input must be [T, N, features] with T above 0, got [2, 3]"),
      ([[0, 2, 3], [8, 3], [8, 2]], "T above 0"),
      (
        [[4, 2, 3], [8, 3], [8, 2], [8]], "then both biases or none, then h0, c0 or nothing; got 4 inputs"
      ),
      ([[4, 2, 3], [8, 3], [8, 2], [8], [7]], "bias_hh must be [8], got [7]"),
      ([[4, 2, 3], [8, 3], [8, 2], [2, 2], [3, 2]], "needs c0 [2, 2], got [3, 2]"),
    ] as [([Shape], String)])
  func refuseShapesThatDoNotFit(shapes: [Shape], problem: String) throws {
    let error = #expect(throws: ShapeError.self) { try LSTM().shape(of: shapes) }
    #expect(error?.description.contains(problem) == true)
  }

  private static let lstm: [String: [Double]] = [
    "y": [
      -0.114665684, -0.544027247, 0.096862765, 0.069488398, -0.217835693, -0.451785229, 0.060693811,
      -0.027240955, -0.213206205, -0.298884743, -0.073756971, -0.299472175, -0.040323981, -0.126869472,
      -0.191756247, -0.469674096,
    ],
    "c": [
      -0.113192802, -0.533739337, -0.859217371, -1.193079074,
    ],
    "dx": [
      -0.047540074, -0.077516627, -0.100103298, -0.012589568, 0.006422551, 0.024822391, -0.013835983,
      -0.040931244, -0.064124412, 0.148858393, 0.182961666, 0.19962268, -0.019095098, 0.003053001,
      0.024910048, 0.048188981, 0.093382647, 0.129673878, -0.26502284, -0.281189704, -0.270549949,
      0.011704351, 0.01884933, 0.024197348,
    ],
    "dh0": [
      -0.078140527, -0.108298468, 0.011048382, 0.037441419,
    ],
    "dc0": [
      0.273146939, 0.063886078, -0.065638427, 0.095535721,
    ],
    "dweight_ih_l0": [
      0.059236336, 0.006092121, -0.05166249, -0.130377746, -0.092961003, 0.014806773, 0.250808812,
      0.20226432, 0.000650223, -0.195371896, -0.128873522, 0.035153764, -1.182936468, -0.347471565,
      0.750952891, 0.229863736, 0.069219716, -0.143808405, -0.284839733, -0.268615576, -0.049108506,
      -0.344860366, -0.292769934, -0.019117053,
    ],
    "dweight_hh_l0": [
      -0.03735327, -0.05210956, -0.012494889, -0.003580888, 0.061076817, 0.09490687, -0.027264208,
      -0.030104842, -0.180570784, -0.236888757, 0.019948198, 0.031927986, -0.062841262, -0.041841744,
      -0.099040236, -0.075005882,
    ],
    "dbias_ih_l0": [
      0.237689841, -0.075652611, -0.319180574, -0.008427157, -0.04923, 0.008178623, -0.001701152,
      -0.130280231,
    ],
    "dbias_hh_l0": [
      0.237689841, -0.075652611, -0.319180574, -0.008427157, -0.04923, 0.008178623, -0.001701152,
      -0.130280231,
    ],
  ]

  private static let gru: [String: [Double]] = [
    "y": [
      0.258806593, -0.405515914, 0.199538727, -0.156473322, 0.014662485, -0.657980257, 0.216974354,
      -0.226988856, -0.075193483, -0.557299962, 0.044181546, -0.485963519, 0.223448216, -0.229816652,
      -0.12221564, -0.690311118,
    ],
    "dx": [
      0.025980889, -0.022561245, -0.068952551, -0.255542075, -0.222784691, -0.168788606, 0.008333281,
      0.008265075, 0.007408935, 0.154489312, 0.154840895, 0.140431053, 0.16087272, 0.1795032,
      0.181021127, -0.028296297, -0.04564439, -0.058641072, -0.287997894, -0.247876629, -0.184124575,
      0.002887048, -0.026664358, -0.053673774,
    ],
    "dh0": [
      0.456413585, 0.296026177, 0.309878002, 0.278075402,
    ],
    "dweight_ih_l0": [
      -0.002751172, -0.004741364, -0.003143386, 0.025197079, 0.009394983, -0.013517049, 0.469008218,
      0.559054884, 0.226019959, 0.528840343, 0.590531233, 0.205319859, 0.014781037, -0.221378065,
      -0.290002661, -0.253095097, -0.188844757, 0.018319531,
    ],
    "dweight_hh_l0": [
      0.001011791, -0.000125669, 0.008306564, 0.00916373, 0.159957221, 0.134714727, 0.177347653,
      0.147847706, -0.036212123, 0.006987197, -0.034156369, -0.05424054,
    ],
    "dbias_ih_l0": [
      0.00046819, -0.005899585, -0.080849037, 0.104075217, 0.152745931, 0.260063184,
    ],
    "dbias_hh_l0": [
      0.00046819, -0.005899585, -0.080849037, 0.104075217, 0.047680592, 0.10173158,
    ],
  ]
}
