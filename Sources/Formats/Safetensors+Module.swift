import Models
import Tensors

extension Safetensors {
  /// The parameters and buffers of a module under their paths. The same module gives the same bytes.
  public init(_ module: Module, metadata: [String: String] = [:]) {
    let named = module.namedParameters().map { ($0.path, $0.parameter.value) }
    self.init(Dictionary(named) { first, _ in first }, metadata: metadata)
  }
}
