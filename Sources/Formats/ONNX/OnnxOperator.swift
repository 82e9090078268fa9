import Models

/// How one ONNX operator is read.
struct OnnxOperator: Sendable {
  /// Values of the node's outputs, in order; those not listed are not supported.
  let run: @Sendable (OnnxCall) throws -> [OnnxValue]

  init(_ run: @escaping @Sendable (OnnxCall) throws -> OnnxValue) { self.run = { [try run($0)] } }
  init(several run: @escaping @Sendable (OnnxCall) throws -> [OnnxValue]) { self.run = run }

  /// By name, with the domain in front where it is not ONNX's own.
  static let all: [String: OnnxOperator] = {
    let tables = [
      elementwise, activations, reductions, shapes, indexing, scattering, constants, layers,
      transposedConvolution, resampling, sums, normalizations, losses, attention, recurrent, quantized,
    ]
    return tables.reduce(into: [:]) { all, table in all.merge(table) { _, new in new } }
  }()

  static func whyNot(_ key: String) -> String {
    switch key {
    case "If", "Loop", "Scan":
      "control flow inside of a model is not supported; export the model with that choice made"
    case "Adam", "Adagrad", "Momentum", "ai.onnx.preview.training.Adam", "ai.onnx.preview.training.Adagrad",
      "ai.onnx.preview.training.Momentum":
      "an optimizer is no part of a model; train with qs.fit"
    default: "the operator is not supported (docs/onnx-support.md lists those that are)"
    }
  }
}
