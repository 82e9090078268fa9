import CKernels
import Tensors

/// One computation of a program, with its weights packed for this processor.
public protocol ProgramStep: AnyObject {
  /// For profiles and files: `conv2d`, `linear`, ...
  static var kind: String { get }
  /// The kind, with what this step makes of it.
  var label: String { get }
  var inputTypes: [DType] { get }
  var outputType: DType { get }
  /// Of weights and what belongs to them, as packed.
  var weightBytes: Int { get }
  /// What a file needs to make the step again. Numbers go to `integers`, arrays to `blobs`.
  func encode(to record: inout StepRecord)
  init(from record: StepRecord) throws
}

/// A step on whole tensors of any extents, as in a graph: f32 activations over float or low-bit weights.
public protocol TensorStep: ProgramStep {
  /// May use all threads. Refuses what does not fit.
  func run(_ inputs: [Tensor]) throws -> Tensor
}

/// One integer computation: u8 activations in, u8 or f32 out.
///
/// The same step runs inside a quantized graph, where its neighbours are f32 tensors on the grid, and in a
/// compiled program, where they are bytes in an arena. That is why the two agree bit for bit.
/// Activations lie batch outermost, channels innermost (NHWC), `elements` to a sample.
public protocol IntegerStep: ProgramStep {
  /// Of one sample, for each input.
  var inputElements: [Int] { get }
  /// Of all inputs.
  var inputType: DType { get }
  var outputElements: Int { get }
  /// Scratch memory one call needs, in bytes, whatever the batch.
  var scratchBytes: Int { get }
  /// The fp32 op that does the same work, and the shapes of its inputs; nil where there is nothing to compare.
  func floatCounterpart(batch: Int) -> (op: any Op, inputs: [Shape])?
  /// Runs on `batch` samples; `inputs` has an address for each of `inputElements`. Allocates nothing, and may run on
  /// several threads at once, each with scratch memory of its own.
  func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws
}

extension ProgramStep {
  public var label: String { Self.kind }
  public var weightBytes: Int { 0 }
}

extension IntegerStep {
  public var inputType: DType { .u8 }
  public var outputType: DType { .u8 }
  public var inputTypes: [DType] { [DType](repeating: inputType, count: inputElements.count) }
  public var scratchBytes: Int { 0 }
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
