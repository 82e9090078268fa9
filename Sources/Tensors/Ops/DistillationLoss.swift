import CKernels

/// The mean over a batch of `alpha T^2 KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha)
/// cross_entropy(student, targets)`, in one pass (Hinton, Vinyals, Dean, "Distilling the knowledge in a neural
/// network", 2015; T^2 keeps the gradient's size when T changes).
///
/// Inputs: `student` and `teacher` logits [N, C], one type, f32 or f64, and `targets` [N], i64 classes counted
/// from 0. The result is a scalar. No gradient flows to the teacher.
public struct DistillationLoss: Op {
  public static let name = "distillation_loss"
  public let temperature: Double
  public let alpha: Double

  public init(temperature: Double, alpha: Double) { (self.temperature, self.alpha) = (temperature, alpha) }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(
      temperature > 0 && temperature.isFinite, "temperature must be positive (got \(temperature))")
    try require(alpha >= 0 && alpha <= 1, "alpha must be from 0 to 1 (got \(alpha))")
    try require(s[0].rank == 2, "logits must be [N, C], got \(s[0])")
    try require(s[1] == s[0], "the student's logits are \(s[0]), the teacher's \(s[1])")
    try require(s[2] == [s[0][0]], "logits \(s[0]) need targets [\(s[0][0])], got \(s[2])")
    try require(s[0].elements > 0, "there is nothing to average over in logits \(s[0])")
    return []
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(types[2] == .i64, "targets must be i64 classes, got \(types[2])")
    return try floatingType(types, 0..<2)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (student, teacher, targets) = (try t[0].contiguous(), try t[1].contiguous(), try t[2].contiguous())
    let (rows, classes) = (student.shape[0], student.shape[1])
    let target = targets.pointer(Int64.self)
    try requireClasses(targets, of: student.shape)
    let slopes = try Tensor(undefined: student.shape, student.dtype)
    let losses = try Tensor(undefined: [rows], student.dtype)
    if student.dtype == .f64 {
      for row in 0..<rows { reference(row, classes, student, teacher, target[row], slopes, losses) }
    } else {
      qk_f32_distillation(
        rows, classes, student.floats, teacher.floats, target, Float(temperature), Float(alpha),
        slopes.floats, losses.floats)
    }
    context.save(slopes)
    return try Tensor.scalar(try losses.doubles().reduce(0, +) / Double(rows), student.dtype)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let slopes = record.saved[0]
    let dx = try slopes.copy()
    try dx.multiplyInPlace(try dy.item() / Double(slopes.shape[0]))
    return [dx, nil, nil]
  }

  /// One row in double precision, as the formulas read.
  private func reference(
    _ row: Int, _ classes: Int, _ student: Tensor, _ teacher: Tensor, _ target: Int64, _ slopes: Tensor,
    _ losses: Tensor
  ) {
    func logSoftmax(_ x: Tensor, _ temperature: Double) -> [Double] {
      let line = (0..<classes).map { x.pointer(Double.self)[row * classes + $0] / temperature }
      let most = line.max() ?? 0
      let total = most + Libm.log(line.reduce(0) { $0 + Libm.exp($1 - most) })
      return line.map { $0 - total }
    }
    let (q, p, hard) = (
      logSoftmax(student, temperature), logSoftmax(teacher, temperature), logSoftmax(student, 1)
    )
    var divergence = 0.0
    for c in 0..<classes {
      let wanted = Libm.exp(p[c])
      if wanted != 0 { divergence += wanted * (p[c] - q[c]) }
      slopes.pointer(Double.self)[row * classes + c] =
        alpha * temperature * (Libm.exp(q[c]) - wanted)
        + (1 - alpha) * (Libm.exp(hard[c]) - (Int64(c) == target ? 1 : 0))
    }
    losses.pointer(Double.self)[row] =
      alpha * temperature * temperature * divergence - (1 - alpha) * hard[Int(target)]
  }
}
