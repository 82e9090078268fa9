import Tensors

/// The UCI handwritten digits: 1,797 images of 8 x 8 with values 0 to 16.
public enum Digits {
  /// Training and test examples, 1,437 and 360, inputs f32 [N, 1, 8, 8] in 0...1.
  ///
  /// The rule of the split: within each class, in the order of the file, every fifth example (the 2nd, 7th,
  /// 12th, ...) is a test example, until 360 are found walking through the file. So both parts hold every
  /// class in nearly equal shares, and neighbours by the same writer are spread over both.
  public static func split(_ all: Dataset) throws -> (train: Dataset, test: Dataset) {
    let target = all.targets.pointer(Int64.self)
    var seen: [Int64: Int] = [:]
    var (train, test): ([Int], [Int]) = ([], [])
    for i in 0..<all.count {
      let position = seen[target[i], default: 0]
      seen[target[i]] = position + 1
      if position % 5 == 1 && test.count < 360 { test.append(i) } else { train.append(i) }
    }
    let scaled = try all.normalized(scale: 16)
    return (try scaled.subset(train), try scaled.subset(test))
  }
}
