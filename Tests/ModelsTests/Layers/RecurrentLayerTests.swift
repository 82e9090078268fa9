import Tensors
import Testing

@testable import Models

@Suite struct RecurrentLayerTests {
  private func wave(_ count: Int, _ k: Double) -> [Float] {
    (0..<count).map { Float(Libm.cos(k * Double($0 + 1) - .pi / 2)) }
  }

  /// Every parameter as the figures below were made with.
  private func filled(_ layer: RecurrentLayer) throws -> RecurrentLayer {
    for (j, (_, parameter)) in layer.namedParameters().enumerated() {
      let values = wave(parameter.value.count, 0.31 + 0.17 * Double(j)).map { $0 / 2 }
      try parameter.value.assign(Tensor(parameter.value.shape, values))
    }
    return layer
  }

  private func expectClose(
    _ actual: Tensor, _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation
  )
    throws
  {
    let values = try actual.array(Float.self)
    #expect(values.count == expected.count, sourceLocation: sourceLocation)
    for (a, b) in zip(values, expected) { #expect(abs(a - b) <= 2e-6, sourceLocation: sourceLocation) }
  }

  @Test(arguments: RecurrentLayer.Cell.allCases)
  func havePyTorchsNamesAndPrintTheirArguments(cell: RecurrentLayer.Cell) throws {
    let layer = try RecurrentLayer(cell, 3, 2, layers: 2, bidirectional: true)
    let one = ["weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"]
    #expect(
      layer.namedParameters().map(\.path)
        == ["0", "0_reverse", "1", "1_reverse"].flatMap { suffix in one.map { $0 + suffix } })
    #expect(layer.module(at: "")?.parameterCount == layer.parameterCount)
    #expect(layer.description == "\(cell)(3, 2, {layers = 2, bidirectional = true})")
    let plain = try RecurrentLayer(cell, 3, 2, bias: false, batchFirst: true, dropout: 0.5)
    #expect(plain.description == "\(cell)(3, 2, {bias = false, batch_first = true, dropout = 0.5})")
    let bound = Float(1 / 2.0.squareRoot())
    #expect(try plain.weights.allSatisfy { try $0.value.array(Float.self).allSatisfy { abs($0) <= bound } })
  }

  /// PyTorch 2: two layers, two directions, batch first.
  @Test func lstmGivesPyTorchsSequenceAndStates() throws {
    let layer = try filled(RecurrentLayer(.lstm, 3, 2, layers: 2, batchFirst: true, bidirectional: true))
    let (y, states) = try layer.callWithStates([Tensor([2, 3, 3], wave(18, 0.9))])
    #expect(y.shape == [2, 3, 4] && states.map(\.shape) == [[4, 2, 2], [4, 2, 2]])
    try expectClose(
      y,
      [
        -0.222193723, 0.036949928, 0.57937154, -0.105903354, -0.336392633, 0.022164514, 0.441782101,
        -0.112602844, -0.346668804, 0.040804137, 0.325409821, -0.082821223, -0.257219316, 0.01544776,
        0.535806129, -0.114116593, -0.339974755, 0.025033136, 0.475299027, -0.107267841, -0.354436738,
        0.028600452, 0.297748047, -0.087736779,
      ])
    try expectClose(
      states[0],
      [
        -0.201253026, -0.450921144, -0.138067435, -0.325738906, 0.321568997, 0.04137638, 0.031071115,
        0.276279159, -0.346668804, 0.040804137, -0.354436738, 0.028600452, 0.57937154, -0.105903354,
        0.535806129, -0.114116593,
      ])
    try expectClose(
      states[1],
      [
        -0.701226907, -0.985226464, -0.597122515, -1.001224661, 0.700836117, 0.185063835, 0.113601769,
        0.714381345, -0.48068351, 0.106708326, -0.50919111, 0.081137568, 1.117268053, -0.269412357,
        1.037304478, -0.266503628,
      ])
  }

  @Test func gruGivesPyTorchsSequenceAndStates() throws {
    let layer = try filled(RecurrentLayer(.gru, 3, 2, layers: 2, batchFirst: true, bidirectional: true))
    let (y, states) = try layer.callWithStates([Tensor([2, 3, 3], wave(18, 0.9))])
    try expectClose(
      y,
      [
        -0.160667654, 0.037939721, 0.428244154, -0.475360353, -0.283369136, -0.016824182, 0.322130066,
        -0.418887732, -0.265314235, 0.022396559, 0.174724937, -0.51106306, -0.13521736, 0.01307832,
        0.423620034, -0.39908322, -0.154462283, 0.069061283, 0.331382247, -0.509930203, -0.131136372,
        0.123240197, 0.181229543, -0.457637855,
      ])
    try expectClose(
      states[0],
      [
        0.023525419, -0.571938287, -0.180109687, -0.523243174, 0.255686817, -0.01282627, -0.086878464,
        0.606204413, -0.265314235, 0.022396559, -0.131136372, 0.123240197, 0.428244154, -0.475360353,
        0.423620034, -0.39908322,
      ])
  }

  @Test(arguments: RecurrentLayer.Cell.allCases, [false, true])
  func goOnFromTheirFinalStates(cell: RecurrentLayer.Cell, bias: Bool) throws {
    let layer = try filled(RecurrentLayer(cell, 3, 4, layers: 2, bias: bias))
    let x = try Tensor([5, 2, 3], wave(30, 0.7))
    let whole = try layer.callWithStates([x])
    let first = try layer.callWithStates([x.narrow(axis: 0, start: 0, count: 2)])
    let rest = try layer.callWithStates([x.narrow(axis: 0, start: 2, count: 3)] + first.states)
    try expectClose(Tensor.concat([first.output, rest.output]), try whole.output.array(Float.self))
    for (a, b) in zip(rest.states, whole.states) { try expectClose(a, try b.array(Float.self)) }
  }

  @Test(arguments: RecurrentLayer.Cell.allCases)
  func sendGradientsToEveryParameterThroughOutputAndStates(cell: RecurrentLayer.Cell) throws {
    let layer = try filled(RecurrentLayer(cell, 3, 2, layers: 2, bidirectional: true))
    for parameter in layer.weights { #expect(parameter.value.requiresGrad) }
    let (y, states) = try layer.callWithStates([Tensor([3, 2, 3], wave(18, 0.9))])
    try states.reduce(y.sum()) { try $0 + $1.sum() }.backward()
    for (path, parameter) in layer.namedParameters() {
      let gradient = try #require(parameter.value.grad, "\(path)")
      #expect(try gradient.array(Float.self).contains { $0 != 0 }, "\(path)")
    }
  }

  @Test(arguments: RecurrentLayer.Cell.allCases)
  func areCapturedAsTheyRun(cell: RecurrentLayer.Cell) throws {
    let layer = try RecurrentLayer(cell, 3, 4, layers: 2, batchFirst: true, dropout: 0.5, bidirectional: true)
    let x = try Tensor([2, 5, 3], wave(30, 0.7))
    let graph = try Graph(capturing: layer, [x])
    for module in [layer, graph] as [Module] { module.setTraining(false) }
    #expect(try graph(x).array(Float.self) == layer(x).array(Float.self))
    let other = try Tensor([3, 5, 3], wave(45, 0.3))
    #expect(try graph(other).array(Float.self) == layer(other).array(Float.self))
  }

  @Test func dropOutBetweenLayersInTrainingOnly() throws {
    let layer = try RecurrentLayer(.gru, 3, 8, layers: 2, dropout: 0.5)
    let x = try Tensor([5, 2, 3], wave(30, 0.7))
    #expect(try layer(x).array(Float.self) != layer(x).array(Float.self))
    layer.setTraining(false)
    #expect(try layer(x).array(Float.self) == layer(x).array(Float.self))
  }

  @Test func refuseWhatDoesNotFit() throws {
    func message(_ body: () throws -> Void) -> String? {
      (#expect(throws: (any Error).self) { try body() }).map { "\($0)" }
    }
    #expect(
      message { _ = try RecurrentLayer(.gru, 3, 0) }
        == "gru: argument 'hidden' must be a positive integer (got 0)")
    #expect(
      message { _ = try RecurrentLayer(.gru, 3, 2, dropout: 2) }
        == "gru: argument 'dropout' must be from 0 to 1 (got 2.0)")
    let layer = try RecurrentLayer(.lstm, 3, 2)
    let x = try Tensor.ones([4, 2, 3])
    #expect(
      message { _ = try layer(.ones([4, 2, 5])) }?.contains("input must be [T, N, 3], got [4, 2, 5]") == true)
    #expect(
      message { _ = try layer(x, .ones([1, 2, 2])) }?.contains("both states h0 and c0, or neither") == true)
    #expect(
      message { _ = try layer(x, .ones([2, 2]), .ones([1, 2, 2])) }?.contains(
        "a state must be [1, 2, 2], got [2, 2]") == true)
  }
}
