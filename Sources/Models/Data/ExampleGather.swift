import CKernels
import Tensors

/// Makes inputs of the examples of one data set: augments what is stored, normalizes it, and lays it out as the model
/// wants it.
///
/// Works on plain memory and makes no tensors, so that any thread may use it (one at a time) for as long as somebody
/// else holds the data set.
final class ExampleGather: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  private let bytesBetweenExamples: Int
  private let dtype: DType
  private let geometry: ImageGeometry
  private let normalization: Normalization?
  private let storedFormat, format: MemoryFormat
  private let augmentation: Augmentation?
  /// For an example on its way: as stored, and as fp32.
  private let moved: UnsafeMutableRawPointer
  private let converted: UnsafeMutablePointer<Float>

  /// Elements of one example.
  let elements: Int
  /// Bytes of one input.
  var byteCount: Int { elements * (normalization == nil ? dtype.size : 4) }

  init(_ data: Dataset, format: MemoryFormat, augmentation: Augmentation? = nil) {
    let stored = data.stored
    base = stored.bytes
    bytesBetweenExamples = stored.shape[0] > 0 ? stored.strides[0] * stored.dtype.size : 0
    (dtype, normalization, self.augmentation) = (stored.dtype, data.normalization, augmentation)
    elements = data.exampleShape.elements
    let example = stored.view(stored.shape.replacing(0, with: 1), strides: stored.strides)
    let isImage = stored.rank == 4
    storedFormat = isImage && example.isChannelsLast && !example.isContiguous ? .channelsLast : .contiguous
    self.format = isImage ? format : .contiguous
    let shape = data.exampleShape
    geometry = ImageGeometry(
      channels: isImage ? shape[0] : 1, height: isImage ? shape[1] : 1, width: isImage ? shape[2] : elements,
      isInterleaved: storedFormat == .channelsLast, elementSize: dtype.size)
    moved = .allocate(byteCount: max(elements * dtype.size, 1), alignment: 64)
    converted = .allocate(capacity: max(elements, 1))
  }

  deinit {
    moved.deallocate()
    converted.deallocate()
  }

  /// Writes the input made of example `index` to `target`. `generator` gives an augmentation its random numbers.
  func write(_ index: Int, to target: UnsafeMutableRawPointer, _ generator: Generator? = nil) {
    var source = base + index * bytesBetweenExamples
    if let augmentation, var generator, augmentation.changesPixels {
      augmentation.apply(&generator, geometry, dtype, from: source, to: moved)
      source = moved
    }
    if normalization == nil {
      relayout(source, target)
    } else if storedFormat == format || geometry.channels == 1 {
      normalize(source, target.assumingMemoryBound(to: Float.self))
    } else {
      normalize(source, converted)
      relayout(UnsafeMutableRawPointer(converted), target)
    }
  }

  /// fp32 numbers of the element type's, times a factor, plus a shift.
  private func normalize(_ source: UnsafeMutableRawPointer, _ target: UnsafeMutablePointer<Float>) {
    guard let normalization else { return }
    convert(source, target)
    let groups = normalization.factors.count
    let length = elements / max(groups, 1)
    if groups > 1 && (geometry.isInterleaved || length == 1) {
      qk_f32_scale_shift(
        length, groups, target, normalization.factors, normalization.shifts, nil, false, target)
      return
    }
    for group in 0..<groups {
      let part = target + group * length
      qk_f32_scale(length, part, normalization.factors[group], part)
      var shift = normalization.shifts[group]
      if shift != 0 { qk_f32_add(1, length, part, length, 1, &shift, 0, 0, part) }
    }
  }

  private func convert(_ source: UnsafeMutableRawPointer, _ target: UnsafeMutablePointer<Float>) {
    switch dtype {
    case .f32: target.update(from: source.assumingMemoryBound(to: Float.self), count: elements)
    case .f64: qk_f32_from_f64(elements, source.assumingMemoryBound(to: Double.self), target)
    case .i64: qk_f32_from_i64(elements, source.assumingMemoryBound(to: Int64.self), target)
    case .i32: qk_f32_from_i32(elements, source.assumingMemoryBound(to: Int32.self), target)
    case .i8: qk_f32_from_i8(elements, source.assumingMemoryBound(to: Int8.self), target)
    case .u8, .bool: qk_f32_from_u8(elements, source.assumingMemoryBound(to: UInt8.self), target)
    }
  }

  /// Copies an example whose elements are final from the stored format to the one that is wanted.
  private func relayout(_ source: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer) {
    let size = normalization == nil ? dtype.size : 4
    let (channels, pixels) = (geometry.channels, geometry.height * geometry.width)
    if storedFormat == format || channels == 1 {
      target.copyMemory(from: source, byteCount: elements * size)
      return
    }
    let (rows, columns) = storedFormat == .channelsLast ? (pixels, channels) : (channels, pixels)
    if size == 4 {
      qk_f32_transpose(
        1, rows, columns, source.assumingMemoryBound(to: Float.self),
        target.assumingMemoryBound(to: Float.self))
      return
    }
    for row in 0..<rows {
      for column in 0..<columns {
        (target + (column * rows + row) * size).copyMemory(
          from: source + (row * columns + column) * size, byteCount: size)
      }
    }
  }
}

/// How the pixels of one stored image lie.
struct ImageGeometry: Sendable {
  let channels, height, width: Int
  let isInterleaved: Bool
  let elementSize: Int

  /// Parts that are moved alike: one plane for each channel, or a single one of whole pixels.
  var planes: Int { isInterleaved ? 1 : channels }
  /// Bytes of a pixel within a plane.
  var step: Int { isInterleaved ? channels * elementSize : elementSize }
}
