import Tensors

/// Rounds a layer's weights one column after the other, each time moving the columns that are left so as to make up for
/// the error in the layer's result: optimal brain quantization with one order for all rows (Frantar et al., "GPTQ:
/// accurate post-training quantization for generative pre-trained transformers", 2022, algorithm 1).
///
/// With `H = sum x x^T` of the layer's inputs and the upper triangle U of `H^-1 = U^T U`, column i rounded to q leaves
/// the error `e = (w_i - q) / U_ii`, and column j > i changes by `-e U_ij`.
public struct GPTQ: Sendable {
  /// Share of the mean of H's diagonal that is added to it; ten times more, and again, where H is still singular.
  public var damping: Double
  /// Columns of large inputs first: they are rounded while there are many columns left to make up for it.
  public var actOrder: Bool

  public init(damping: Double = 0.01, actOrder: Bool = false) {
    (self.damping, self.actOrder) = (damping, actOrder)
  }

  /// Columns after which those that are left are brought up to date.
  private static let block = 64

  /// What rounding the rows of one group of channels needs of its Hessian.
  struct Plan {
    /// The column that is rounded nth from the end.
    let order: [Int]
    /// `U` in that order, mirrored: row i holds the columns that are rounded after it, 0...i.
    let factor: SquareMatrix
    let damping: Double
  }

  /// Nil where no damping up to the size of H makes it definite, as where an input is not finite.
  func plan(_ hessian: SquareMatrix) -> Plan? {
    let n = hessian.size
    let diagonal = hessian.diagonal
    let mean = diagonal.reduce(0, +) / Double(max(n, 1))
    guard mean.isFinite, mean > 0 else { return nil }
    var order = Array((0..<n).reversed())
    if actOrder { order.sort { (diagonal[$0], $1) < (diagonal[$1], $0) } }
    var mirrored = hessian.permuted(order)
    // An input that is always 0 is rounded to the nearest and moves nothing.
    for i in 0..<n where mirrored[i, i] == 0 { mirrored[i, i] = mean }
    var damping = damping
    while damping <= 1 {
      var damped = mirrored
      for i in 0..<n { damped[i, i] += damping * mean }
      if let lower = damped.cholesky() {
        return Plan(order: order, factor: lower.lowerInverse(), damping: damping)
      }
      damping = max(damping, 1e-6) * 10
    }
    return nil
  }

  /// Rounds `weight` [O, ...] to its grid in place; the rows of each group of channels by a plan of its own.
  ///
  /// - Parameter keep: of each weight, whether it lives; the others stay 0, and those that live make up for them
  ///   (Frantar and Alistarh, "SparseGPT", ICML 2023, section 3.5). nil: all do.
  func round(_ weight: Tensor, _ grid: WeightCodes, _ plans: [Plan], keep: [Bool]? = nil) {
    let perGroup = grid.rows / max(plans.count, 1)
    for (group, plan) in plans.enumerated() {
      let rows = group * perGroup..<(group + 1) * perGroup
      var work = [Double](repeating: 0, count: rows.count * grid.columns)
      let values = weight.floats
      for (i, row) in rows.enumerated() {
        for (j, column) in plan.order.enumerated() {
          work[i * grid.columns + j] = Double(values[row * grid.columns + column])
        }
      }
      work.withUnsafeMutableBufferPointer { buffer in
        if let base = buffer.baseAddress { round(base, rows, grid, plan, keep, into: values) }
      }
    }
    withExtendedLifetime(weight) {}
  }

  /// - Parameter work: [rows, columns], the columns in the plan's order, so that the last one is rounded first.
  private func round(
    _ work: UnsafeMutablePointer<Double>, _ rows: Range<Int>, _ grid: WeightCodes, _ plan: Plan,
    _ keep: [Bool]?, into values: UnsafeMutablePointer<Float>
  ) {
    let n = grid.columns
    var errors = [Double](repeating: 0, count: rows.count * Self.block)
    var end = n
    while end > 0 {
      let start = max(0, end - Self.block)
      let width = end - start
      plan.factor.values.withUnsafeBufferPointer { factor in
        errors.withUnsafeMutableBufferPointer { errors in
          guard let u = factor.baseAddress, let error = errors.baseAddress else { return }
          for (i, row) in rows.enumerated() {
            let w = work + i * n
            for j in stride(from: end - 1, through: start, by: -1) {
              let column = plan.order[j]
              let lives = keep?[row * n + column] ?? true
              let rounded = lives ? grid.nearest(w[j], row, column) : 0
              values[row * n + column] = rounded
              let e = (w[j] - Double(rounded)) / u[j * n + j]
              error[i * width + j - start] = e
              for k in start..<j { w[k] -= e * u[j * n + k] }
            }
          }
          // work[rows, 0..<start] -= errors[rows, width] U[start..<end, 0..<start]
          DenseProduct.subtract(
            error, width, u + start * n, n, from: work, n, rows: rows.count, inner: width, columns: start)
        }
      }
      end = start
    }
  }
}
