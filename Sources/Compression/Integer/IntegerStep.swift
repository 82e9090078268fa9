import CKernels
import Tensors

/// One integer computation with its weights packed for this processor: u8 activations in, u8 or f32 out.
///
/// The same step runs inside a quantized graph, where its neighbours are f32 tensors on the grid, and in a
/// compiled program, where they are bytes in an arena. That is why the two agree bit for bit.
/// Activations lie batch outermost, channels innermost (NHWC), `elements` to a sample.
public protocol IntegerStep: AnyObject {
  /// For profiles and files: `conv2d`, `linear`, ...
  static var kind: String { get }
  /// The kind, with what this step makes of it.
  var label: String { get }
  /// Of one sample, for each input.
  var inputElements: [Int] { get }
  var inputType: DType { get }
  var outputElements: Int { get }
  /// f32 for the step that ends a network, else u8.
  var outputType: DType { get }
  /// Scratch memory one call needs, in bytes, whatever the batch.
  var scratchBytes: Int { get }
  /// Of weights and what belongs to them, as packed.
  var weightBytes: Int { get }
  /// The fp32 op that does the same work, and the shapes of its inputs; nil where there is nothing to compare.
  func floatCounterpart(batch: Int) -> (op: any Op, inputs: [Shape])?
  /// Runs on `batch` samples; `inputs` has an address for each of `inputElements`. Allocates nothing, and may run on
  /// several threads at once, each with scratch memory of its own.
  func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws
  /// What a file needs to make the step again. Numbers go to `attributes`, arrays to `blobs`.
  func encode(to record: inout StepRecord)
  init(from record: StepRecord) throws
}

/// A step as a file holds it.
public struct StepRecord: Sendable {
  public var integers: [String: Int] = [:]
  public var floats: [String: Float] = [:]
  public var blobs: [String: [UInt8]] = [:]
  public init() {}

  public mutating func put<T: BitwiseCopyable>(_ values: [T], _ name: String) {
    blobs[name] = values.withUnsafeBytes(Array.init)
  }

  public func integer(_ name: String) throws -> Int {
    guard let value = integers[name] else { throw ShapeError("program", "a step lacks '\(name)'") }
    return value
  }

  /// A size: at least `least`, and small enough that products of a few do not overflow.
  public func size(_ name: String, least: Int = 1) throws -> Int {
    let value = try integer(name)
    try require((least...(1 << 24)).contains(value), "program", "a step has \(name) = \(value)")
    return value
  }

  public func byte(_ name: String) throws -> UInt8 {
    guard let byte = UInt8(exactly: try integer(name)) else {
      throw ShapeError("program", "a step's '\(name)' is not a byte")
    }
    return byte
  }

  public mutating func put(_ params: QuantParams, _ name: String) {
    floats[name + "_scale"] = params.scale
    integers[name + "_zero_point"] = Int(params.zeroPoint)
    put(params.lowest, params.highest, name + "_")
  }

  public func params(_ name: String) throws -> QuantParams {
    let scale = try float(name + "_scale")
    try require(scale.isNormal && scale > 0, "program", "a step's '\(name)' has scale \(scale)")
    let (lowest, highest) = try codes(name + "_")
    return QuantParams(
      scale: scale, zeroPoint: try byte(name + "_zero_point"), lowest: lowest, highest: highest)
  }

  /// The codes a result uses; nothing is written where they are all bytes.
  mutating func put(_ lowest: UInt8, _ highest: UInt8, _ prefix: String = "") {
    if lowest > 0 { integers[prefix + "low"] = Int(lowest) }
    if highest < 255 { integers[prefix + "high"] = Int(highest) }
  }

  func codes(_ prefix: String = "") throws -> (lowest: UInt8, highest: UInt8) {
    let lowest = integers[prefix + "low"] == nil ? 0 : try byte(prefix + "low")
    let highest = integers[prefix + "high"] == nil ? 255 : try byte(prefix + "high")
    try require(lowest < highest, "program", "a step's codes go from \(lowest) to \(highest)")
    return (lowest, highest)
  }

  public func float(_ name: String) throws -> Float {
    guard let value = floats[name] else { throw ShapeError("program", "a step lacks '\(name)'") }
    return value
  }

  public func array<T: BitwiseCopyable>(_ name: String, _: T.Type, count: Int) throws -> [T] {
    let bytes = blobs[name] ?? []
    try require(
      bytes.count == count * MemoryLayout<T>.stride, "program",
      "a step's '\(name)' has \(bytes.count) bytes, expected \(count * MemoryLayout<T>.stride)")
    return bytes.withUnsafeBytes { raw in
      (0..<count).map { raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self) }
    }
  }
}

extension IntegerStep {
  public var inputType: DType { .u8 }
  public var outputType: DType { .u8 }
  public var label: String { Self.kind }
  public var scratchBytes: Int { 0 }
  public var weightBytes: Int { 0 }
  public func floatCounterpart(batch: Int) -> (op: any Op, inputs: [Shape])? { nil }
  func bytes(_ pointer: UnsafeRawPointer) -> UnsafePointer<UInt8> {
    pointer.assumingMemoryBound(to: UInt8.self)
  }
  func bytes(_ pointer: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt8> {
    pointer.assumingMemoryBound(to: UInt8.self)
  }
}

extension IntegerStep {
  /// Runs on whole tensors.
  func run(batch: Int, _ inputs: [Tensor], into output: Tensor) throws {
    let scratch = AlignedBytes(count: scratchBytes)
    // The kernel sees bare pointers: their owners must outlive it.
    try withExtendedLifetime((self, inputs, output, scratch)) {
      let addresses = inputs.map { UnsafeRawPointer($0.bytes) }
      try run(batch: batch, addresses, output.bytes, scratch: scratch.pointer)
    }
  }
}

/// Memory of a step's own, aligned as the kernels ask.
final class AlignedBytes {
  let pointer: UnsafeMutableRawPointer
  let count: Int
  init(count: Int) {
    self.count = count
    pointer = .allocate(byteCount: max(count, 1), alignment: Int(QK_ALIGNMENT))
  }
  deinit { pointer.deallocate() }
}
