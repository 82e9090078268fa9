import Foundation
import Tensors
import TestSupport
import Testing

@testable import Compression

/// Our observers beside ONNX Runtime's calibrators, on the values of scripts/peers/golden_observers.py.
@Suite struct CalibratorTests {
  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    let shape: String
    let sum: Double
    let minmax, entropy, percentile999, percentile99: [Double]
    var testDescription: String { shape }

    enum CodingKeys: String, CodingKey {
      case shape, sum, minmax, entropy
      case percentile999 = "percentile 99.9"
      case percentile99 = "percentile 99"
    }
  }

  static let cases: [Case] = {
    let data = FileManager.default.contents(atPath: Golden.path("quantization/observers.json")) ?? Data()
    return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
  }()

  private static let size = 20_000
  /// All values lie in -8...8, which both divide into 2,048 bins.
  private static let bin = 8.0 / 1024

  private func uniform(_ batch: Int, _ step: Double) -> [Double] {
    (1...Self.size).map {
      let product = Double($0 + batch * Self.size) * step
      return min(max(product - product.rounded(.towardZero), 1e-9), 1 - 1e-9)
    }
  }

  private func bell(_ batch: Int) -> [Double] {
    let parts = [2.0, 3, 5, 7].map { uniform(batch, $0.squareRoot()) }
    return (0..<Self.size).map { i in parts.dropFirst().reduce(parts[0][i]) { $0 + $1[i] } - 2 }
  }

  private func laplace(_ batch: Int) -> [Double] {
    uniform(batch, 2.0.squareRoot()).map { $0 < 0.5 ? log(2 * $0) : -log(2 - 2 * $0) }
  }

  private func values(_ shape: String, _ batch: Int) -> [Double] {
    switch shape {
    case "bell": bell(batch)
    case "laplace": laplace(batch)
    case "relu": bell(batch).map { max($0, 0) }
    case "shifted": laplace(batch).map { $0 + 1 }
    default: zip(bell(batch), uniform(batch, 11.0.squareRoot())).map { $1 < 0.0005 ? 20 * $0 : $0 }
    }
  }

  private func batches(_ shape: String) throws -> [Tensor] {
    try (0..<3).map { batch in
      let tensor = try Tensor([Self.size], values(shape, batch).map { Float(min(max($0, -8), 8)) })
      if batch == 0 { tensor.floats[0] = 8 }
      return tensor
    }
  }

  private func range(_ kind: ObserverKind, _ batches: [Tensor]) throws -> [Double] {
    let observer = kind.make()
    for batch in batches { try observer.observe(batch) }
    return [Double(observer.range.min), Double(observer.range.max)]
  }

  @Test func `there are cases`() { #expect(Self.cases.count == 5) }

  @Test(arguments: cases)
  func `the values are those that ONNX Runtime saw`(_ c: Case) throws {
    let sum = try batches(c.shape).flatMap { try $0.doubles() }.reduce(0, +)
    #expect(abs(sum - c.sum) < 1e-3)
  }

  @Test(arguments: cases)
  func `ranges are ONNX Runtime's, within a bin of its histogram`(_ c: Case) throws {
    let batches = try batches(c.shape)
    #expect(try range(.minmax, batches) == c.minmax)
    for (kind, expected) in [
      (ObserverKind.entropy, c.entropy), (.percentile(99.9), c.percentile999),
      (.percentile(99), c.percentile99),
    ] {
      for (ours, theirs) in zip(try range(kind, batches), expected) {
        #expect(abs(ours - theirs) <= Self.bin * 1.001, "\(kind): \(ours), ONNX Runtime \(theirs)")
      }
    }
  }

  @Test(arguments: cases)
  func `the order of the batches does not matter`(_ c: Case) throws {
    let batches = try batches(c.shape)
    for kind in [ObserverKind.entropy, .percentile(99.9), .mse] {
      #expect(try range(kind, batches) == range(kind, batches.reversed()))
    }
  }

  /// The least error over all ranges of a fine grid, computed on the values themselves.
  @Test(arguments: cases)
  func `no range has a much smaller error than that of the mse observer`(_ c: Case) throws {
    let batches = try batches(c.shape)
    let values = try batches[1].array(Float.self)
    let levels = 16
    func error(_ low: Double, _ high: Double) -> Double {
      let scale = (high - low) / Double(levels - 1)
      let least = (low / scale).rounded(.toNearestOrEven)
      return values.reduce(0) { sum, value in
        let level = min(
          max((Double(value) / scale).rounded(.toNearestOrEven), least), least + Double(levels - 1))
        return sum + (Double(value) - level * scale) * (Double(value) - level * scale)
      }
    }
    let observer = MSEObserver(levels: levels)
    try observer.observe(batches[1])
    let (low, high) = (Double(observer.range.min), Double(observer.range.max))
    let (least, most) = (Double(values.min() ?? 0), Double(values.max() ?? 0))
    var best = Double.infinity
    for i in 1...24 {
      for j in least < 0 ? 1...24 : 0...0 {
        best = min(best, error(min(least, 0) * Double(j) / 24, most * Double(i) / 24))
      }
    }
    #expect(error(low, high) <= 1.02 * best)
    #expect(error(low, high) < error(min(least, 0), most))
  }
}
