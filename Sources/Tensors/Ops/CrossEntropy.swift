import CKernels

/// The mean over a batch of the cross entropy between softmax(logits) and the classes, log-softmax included.
/// ONNX SoftmaxCrossEntropyLoss.
///
/// Inputs: `logits` [N, C], f32 or f64, and `targets` [N], i64 classes counted from 0. With label smoothing s
/// the wanted distribution is `(1 - s) one_hot + s / C` (Szegedy et al., "Rethinking the Inception
/// architecture", 2016). The result is a scalar.
public struct CrossEntropy: Op {
  public static let name = "cross_entropy"
  public let labelSmoothing: Double

  public init(labelSmoothing: Double = 0) { self.labelSmoothing = labelSmoothing }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(
      labelSmoothing >= 0 && labelSmoothing <= 1,
      "label_smoothing must be from 0 to 1 (got \(labelSmoothing))")
    try require(s[0].rank == 2, "logits must be [N, C], got \(s[0])")
    try require(s[1] == [s[0][0]], "logits \(s[0]) need targets [\(s[0][0])], got \(s[1])")
    try require(s[0].elements > 0, "there is nothing to average over in logits \(s[0])")
    return []
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(types[1] == .i64, "targets must be i64 classes, got \(types[1])")
    return try floatingType(types, 0..<1)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (x, targets) = (try t[0].contiguous(), try t[1].contiguous())
    let (rows, classes) = (x.shape[0], x.shape[1])
    let target = targets.pointer(Int64.self)
    try requireClasses(targets, of: x.shape)
    let probabilities = try Tensor(undefined: x.shape, x.dtype)
    let losses = try Tensor(undefined: [rows], x.dtype)
    if x.dtype == .f64 {
      reference(x, target, probabilities, losses)
    } else {
      qk_f32_cross_entropy(
        rows, classes, x.floats, target, Float(labelSmoothing), probabilities.floats, losses.floats)
    }
    context.save(probabilities)
    return try Tensor.scalar(try losses.doubles().reduce(0, +) / Double(rows), x.dtype)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (probabilities, targets) = (record.saved[0], try record.inputs[1].contiguous())
    let (rows, classes) = (probabilities.shape[0], probabilities.shape[1])
    let share = try dy.item() / Double(rows)
    let target = targets.pointer(Int64.self)
    let dx = try Tensor(undefined: probabilities.shape, dy.dtype)
    if dy.dtype == .f64 {
      let (p, result) = (probabilities.pointer(Double.self), dx.pointer(Double.self))
      for i in 0..<rows * classes { result[i] = share * (p[i] - wanted(i, target, classes)) }
    } else {
      let shares = try Tensor.full([rows], share)
      qk_f32_cross_entropy_backward(
        rows, classes, shares.floats, probabilities.floats, target, Float(labelSmoothing), dx.floats)
    }
    return [dx, nil]
  }

  private func reference(
    _ x: Tensor, _ target: UnsafePointer<Int64>, _ probabilities: Tensor, _ losses: Tensor
  ) {
    let (rows, classes) = (x.shape[0], x.shape[1])
    let (logits, p, loss) = (
      x.pointer(Double.self), probabilities.pointer(Double.self), losses.pointer(Double.self)
    )
    for row in 0..<rows {
      let line = UnsafeBufferPointer(start: logits + row * classes, count: classes)
      let most = line.max() ?? 0
      let total = most + Libm.log(line.reduce(0) { $0 + Libm.exp($1 - most) })
      loss[row] = 0
      for c in 0..<classes {
        p[row * classes + c] = Libm.exp(line[c] - total)
        loss[row] -= wanted(row * classes + c, target, classes) * (line[c] - total)
      }
    }
  }

  /// The wanted probability at position `i` of the logits.
  private func wanted(_ i: Int, _ target: UnsafePointer<Int64>, _ classes: Int) -> Double {
    let hit = target[i / classes] == Int64(i % classes)
    return (hit ? 1 - labelSmoothing : 0) + labelSmoothing / Double(classes)
  }
}

extension Op {
  /// Refuses targets, contiguous i64, that are not classes of logits [N, C].
  func requireClasses(_ targets: Tensor, of logits: Shape) throws {
    let (target, classes) = (targets.pointer(Int64.self), logits[1])
    for i in 0..<targets.count where target[i] < 0 || target[i] >= classes {
      throw ShapeError(
        name, "target \(target[i]) is not a class: logits \(logits) have classes 0 to \(classes - 1)")
    }
  }
}
