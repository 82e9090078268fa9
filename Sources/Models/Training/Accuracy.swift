import Tensors

/// How many rows of logits [N, C] have their largest value at the target class [N].
public func countCorrect(_ logits: Tensor, _ targets: Tensor) throws -> Int {
  try require(
    logits.rank == 2 && targets.shape == [logits.shape[0]], "accuracy",
    "logits must be [N, C] and targets [N], got \(logits.shape) and \(targets.shape)")
  try require(logits.shape[1] > 0, "accuracy", "logits \(logits.shape) have no classes")
  try require(targets.dtype == .i64, "accuracy", "targets must be i64 classes, got \(targets.dtype)")
  let (rows, classes) = (logits.shape[0], logits.shape[1])
  let (scores, wanted) = (try logits.contiguous().converted(to: .f32), try targets.contiguous())
  let (score, target) = (scores.floats, wanted.pointer(Int64.self))
  return (0..<rows).count { row in
    let line = score + row * classes
    let best = (1..<classes).reduce(0) { line[$1] > line[$0] ? $1 : $0 }
    return Int64(best) == target[row] && !line[best].isNaN
  }
}

extension Module {
  /// The share of examples of `data` that are classified rightly, in evaluation mode; 0 for no examples.
  public final func accuracy(on data: Dataset, batchSize: Int = 256) throws -> Double {
    let batches = try Batches(data, size: batchSize)
    var correct = 0
    try with(training: false) {
      try Tape.withoutGradients {
        while let batch = try batches.next() {
          correct += try countCorrect(call([batch.inputs]), batch.targets)
        }
      }
    }
    return data.count == 0 ? 0 : Double(correct) / Double(data.count)
  }
}
