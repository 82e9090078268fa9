import Tensors

/// The largest element under a sliding window, of images [N, C, H, W].
public final class MaxPool2dLayer: Module {
  let op: MaxPool2d

  /// The stride is the kernel unless given.
  public init(_ kernel: Size2d, stride: Size2d? = nil, padding: Padding2d = 0, dilation: Size2d = 1) throws {
    op = MaxPool2d(kernel, stride: stride, padding: padding, dilation: dilation)
    try op.window.check(for: "max_pool2d")
    super.init(kind: "max_pool2d")
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try op(x[0]) }

  public override var arguments: String {
    Self.arguments(
      [op.window.kernel.argument],
      options: op.window.options + [("dilation", op.window.dilation.argument(unless: 1))])
  }
}

/// The mean of the elements under a sliding window, of images [N, C, H, W].
public final class AvgPool2dLayer: Module {
  private let op: AvgPool2d

  /// The stride is the kernel unless given.
  public init(_ kernel: Size2d, stride: Size2d? = nil, padding: Padding2d = 0, countIncludePad: Bool = true)
    throws
  {
    op = AvgPool2d(kernel, stride: stride, padding: padding, countIncludePad: countIncludePad)
    try op.window.check(for: "avg_pool2d")
    super.init(kind: "avg_pool2d")
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try op(x[0]) }

  public override var arguments: String {
    Self.arguments(
      [op.window.kernel.argument],
      options: op.window.options + [("count_include_pad", op.countIncludePad ? nil : "false")])
  }
}

/// The largest element under a sliding window, of sequences [N, C, L].
public final class MaxPool1dLayer: Module {
  private let op: MaxPool1d

  /// The stride is the kernel unless given.
  public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1) throws {
    op = MaxPool1d(kernel, stride: stride, padding: padding, dilation: dilation)
    try Window2d.sequence(kernel, stride: op.stride, padding: padding, dilation: dilation).check(
      for: "max_pool1d")
    super.init(kind: "max_pool1d")
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try op(x[0]) }

  public override var arguments: String {
    Self.arguments(
      ["\(op.kernel)"],
      options: [
        ("stride", Self.option(op.stride, unless: op.kernel)),
        ("padding", Self.option(op.padding, unless: 0)),
        ("dilation", Self.option(op.dilation, unless: 1)),
      ])
  }
}

/// The mean of the elements under a sliding window, of sequences [N, C, L].
public final class AvgPool1dLayer: Module {
  private let op: AvgPool1d

  /// The stride is the kernel unless given.
  public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0, countIncludePad: Bool = true) throws {
    op = AvgPool1d(kernel, stride: stride, padding: padding, countIncludePad: countIncludePad)
    try Window2d.sequence(kernel, stride: op.stride, padding: padding).check(for: "avg_pool1d")
    super.init(kind: "avg_pool1d")
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try op(x[0]) }

  public override var arguments: String {
    Self.arguments(
      ["\(op.kernel)"],
      options: [
        ("stride", Self.option(op.stride, unless: op.kernel)),
        ("padding", Self.option(op.padding, unless: 0)),
        ("count_include_pad", op.countIncludePad ? nil : "false"),
      ])
  }
}

/// The mean of every channel of images [N, C, H, W], as [N, C, 1, 1].
public final class GlobalAvgPool2dLayer: Module {
  public init() { super.init(kind: "global_avg_pool2d") }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try GlobalAvgPool2d()(x[0]) }
}

extension Window2d {
  fileprivate var options: [(name: String, value: String?)] {
    [("stride", stride.argument(unless: kernel)), ("padding", padding.argument)]
  }
}
