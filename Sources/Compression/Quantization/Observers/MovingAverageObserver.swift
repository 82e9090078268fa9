import Tensors

/// The exponential moving average of the extremes of each batch, beginning with the first one's own (Jacob et al.,
/// "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018,
/// section 3.1; PyTorch's MovingAverageMinMaxObserver). A single odd batch moves it by a share only.
public final class MovingAverageObserver: Observer {
  public private(set) var range: (min: Float, max: Float) = (0, 0)
  private let momentum: Float
  private var seen = false

  /// - Parameter momentum: share by which a batch moves the range, above 0 and at most 1.
  public init(momentum: Double = 0.1) { self.momentum = Float(momentum) }

  public func observe(_ values: Tensor) throws {
    guard let found = try extremes(of: values) else { return }
    range =
      seen
      ? (
        range.min + momentum * (found.min - range.min), range.max + momentum * (found.max - range.max)
      ) : found
    seen = true
  }
}
