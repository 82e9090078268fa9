import CResources
import Models
import Tensors
import Testing

@testable import Formats

/// The whole way in Swift: data, layers, loss, optimizer, schedule, evaluation.
@Suite(.serialized) struct DigitsTests {
  private func digits() throws -> (train: Dataset, test: Dataset) {
    func read(_ get: (UnsafeMutablePointer<Int>) -> UnsafePointer<UInt8>?) throws -> Tensor {
      var length = 0
      let start = get(&length)
      return try IDXFile.decode(Array(UnsafeBufferPointer(start: start, count: length)), path: "digits")
    }
    return try Digits.split(
      IDXFile.dataset(
        images: read(qr_digits_images), labels: read(qr_digits_labels), imagesPath: "digits",
        labelsPath: "digits"))
  }

  /// Returns the accuracy on the test examples.
  private func train(_ model: Module, epochs: Int, learningRate: Double) throws -> Double {
    let (train, test) = try digits()
    let optimizer = try Adam(model.weights, learningRate: learningRate)
    let perEpoch = try Batches(train, size: 32).count
    let schedule = try Schedule.cosine(total: epochs * perEpoch)
    for _ in 0..<epochs {
      let batches = try Batches(train, size: 32, shuffle: true)
      while let batch = try batches.next() {
        try optimizer.setLearningRate(learningRate * schedule.factor(optimizer.stepCount))
        try CrossEntropy()(model(batch.inputs), batch.targets).backward()
        try optimizer.step()
        optimizer.zeroGradients()
      }
    }
    return try model.accuracy(on: test)
  }

  @Test func theSplitIsFixedAndBalanced() throws {
    let (train, test) = try digits()
    #expect(train.count == 1437 && test.count == 360)
    #expect(train.stored.shape == [1437, 1, 8, 8])
    for part in [train, test] {
      var counts = [Int](repeating: 0, count: 10)
      for target in try part.targets.array(Int64.self) { counts[Int(target)] += 1 }
      #expect(counts.allSatisfy { abs($0 * 10 - part.count) <= part.count / 10 })
    }
    #expect(try train.inputs.doubles().max() == 1)
  }

  @Test func aPerceptronLearnsThem() throws {
    Random.reseed(1)
    let model = Sequential([
      FlattenLayer(), try LinearLayer(64, 64), Activation(.relu), try LinearLayer(64, 10),
    ])
    #expect(try train(model, epochs: 15, learningRate: 3e-3) >= 0.96)
  }

  @Test func aConvolutionalNetworkLearnsThemBetter() throws {
    func run() throws -> (accuracy: Double, bytes: [UInt8]) {
      Random.reseed(1)
      let model = Sequential([
        try Conv2dLayer(1, 16, 3, padding: 1), try BatchNormLayer(16), Activation(.relu),
        try MaxPool2dLayer(2), try Conv2dLayer(16, 32, 3, padding: 1), try BatchNormLayer(32),
        Activation(.relu), try MaxPool2dLayer(2), FlattenLayer(), try DropoutLayer(0.1),
        try LinearLayer(128, 10),
      ])
      return (try train(model, epochs: 8, learningRate: 3e-3), try Safetensors(model).encoded())
    }
    let (first, second) = (try run(), try run())
    #expect(first.accuracy >= 0.98)
    #expect(first.bytes == second.bytes)
  }
}
