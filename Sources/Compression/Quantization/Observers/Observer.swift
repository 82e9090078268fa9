import Tensors

/// Watches the values that flow through one place of a network and says which range to quantize.
/// Streaming, deterministic, of constant memory.
public protocol Observer: AnyObject {
  func observe(_ values: Tensor) throws
  /// The range to cover; (0, 0) where nothing was seen.
  var range: (min: Float, max: Float) { get }
}

/// Which observer, as a recipe names it.
public enum ObserverKind: Hashable, Sendable {
  case minmax
  /// Cuts the given share of the values off, half of it at each end: 0.01 % for the 99.99th percentile.
  case percentile(Double)

  public func make() -> any Observer {
    switch self {
    case .minmax: MinMaxObserver()
    case .percentile(let percentile): PercentileObserver(percentile)
    }
  }
}
