import Tensors

/// Watches the values that flow through one place of a network and says which range to quantize.
/// Streaming, deterministic, of constant memory, one pass over the data.
public protocol Observer: AnyObject {
  /// Refuses NaN and infinity.
  func observe(_ values: Tensor) throws
  /// The range to cover; (0, 0) where nothing was seen.
  var range: (min: Float, max: Float) { get }
}

/// Which observer, as a recipe names it.
public enum ObserverKind: Hashable, Sendable {
  /// The smallest and the largest value.
  case minmax
  /// An exponential moving average of the batches' extremes, each moving it by the given share.
  case movingAverage(Double)
  /// Cuts the given share of the values off, half of it at each end: 0.01 % for the 99.99th percentile.
  case percentile(Double)
  /// The range whose quantized distribution is nearest to the real one (KL divergence).
  case entropy
  /// The range of least mean squared rounding and clipping error.
  case mse

  /// - Parameter levels: how many integers the range will be divided among; only `mse` asks.
  public func make(levels: Int = 256) -> any Observer {
    switch self {
    case .minmax: MinMaxObserver()
    case .movingAverage(let momentum): MovingAverageObserver(momentum: momentum)
    case .percentile(let percentile): PercentileObserver(percentile)
    case .entropy: EntropyObserver()
    case .mse: MSEObserver(levels: levels)
    }
  }
}
