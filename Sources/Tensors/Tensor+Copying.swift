import CKernels

extension Tensor {
  /// A dense copy with storage of its own and no record.
  public func copy(format: MemoryFormat? = nil) throws -> Tensor {
    let result = try Tensor(undefined: shape, dtype, format: format ?? self.format)
    result.copyElements(from: self)
    return result
  }

  /// This tensor if its last dimension is innermost and it is dense, else a copy that is. No record: for use
  /// inside ops.
  public func contiguous() throws -> Tensor { isContiguous ? self : try copy(format: .contiguous) }

  /// This tensor if it is dense with its channels innermost, else a copy that is. No record.
  public func channelsLast() throws -> Tensor { isChannelsLast ? self : try copy(format: .channelsLast) }

  /// This tensor if dense in any format, else a contiguous copy. No record.
  public func dense() throws -> Tensor { isDense ? self : try copy(format: .contiguous) }

  public func inFormat(_ format: MemoryFormat) throws -> Tensor {
    switch (format, rank) {
    case (.channelsLast, 4): try channelsLast()
    case (.sequenceChannelsLast, 3): isSequenceChannelsLast ? self : try copy(format: format)
    default: try contiguous()
    }
  }

  /// [N, C], [N, C, L] or [N, C, H, W] as dense rows of channels. No record.
  func channelsInnermost() throws -> Tensor { try inFormat(shape.channelsInnermost) }

  /// Overwrites every element with those of `source`, of this shape (or one that broadcasts to it) and type.
  func copyElements(from source: Tensor) {
    precondition(source.dtype == dtype)
    if source.shape == shape, strides == source.strides, isDense {
      bytes.copyMemory(from: source.bytes, byteCount: byteCount)
      return
    }
    if dtype.size == 4, transpose(from: source) { return }
    let loop = StridedLoop(shape, [strides, source.strides(broadcastTo: shape)])
    switch dtype.size {
    case 1: loop.copy(bytes, source.bytes, UInt8.self)
    case 4: loop.copy(bytes, source.bytes, UInt32.self)
    default: loop.copy(bytes, source.bytes, UInt64.self)
    }
  }

  /// Copies between contiguous and channels-last by tiles; false where that is not what is wanted.
  private func transpose(from source: Tensor) -> Bool {
    guard shape == source.shape, rank == 3 || rank == 4, count > 0, isDense, source.isDense else {
      return false
    }
    let (batch, channels) = (shape[0], shape[1])
    let pixels = count / (batch * channels)
    let (to, from) = (
      bytes.assumingMemoryBound(to: Float.self), source.bytes.assumingMemoryBound(to: Float.self)
    )
    if isContiguous && !source.isContiguous {
      qk_f32_transpose(batch, pixels, channels, from, to)
    } else if source.isContiguous && !isContiguous {
      qk_f32_transpose(batch, channels, pixels, from, to)
    } else {
      return false
    }
    return true
  }

  /// Overwrites the elements in place; counted, so that `backward` notices.
  public func assign(_ source: Tensor) throws {
    try require(
      Shape.broadcast(shape, source.shape) == shape, "copy_", "cannot copy \(source.shape) into \(shape)")
    copyElements(from: source.dtype == dtype ? source : try source.converted(to: dtype))
    storage.markChanged()
  }

  /// The elements as another type; floats to integers are truncated and saturate. No record.
  public func converted(to target: DType) throws -> Tensor {
    if target == dtype { return self }
    let source = try dense()
    let result = try Tensor(undefined: shape, target, format: source.format)
    func from<S: Element>(_: S.Type) {
      func to<T: Element>(_: T.Type) {
        let (x, y) = (source.pointer(S.self), result.pointer(T.self))
        for i in 0..<count { y[i] = T(converting: x[i].asDouble) }
      }
      target.dispatch { to($0) }
    }
    if dtype == .i64 && target == .i32 {
      let (x, y) = (source.pointer(Int64.self), result.pointer(Int32.self))
      for i in 0..<count { y[i] = Int32(clamping: x[i]) }
    } else {
      dtype.dispatch { from($0) }
    }
    return result
  }
}

extension StridedLoop where operands == 2 {
  func copy<T: BitwiseCopyable>(_ to: UnsafeMutableRawPointer, _ from: UnsafeMutableRawPointer, _: T.Type) {
    let (y, x) = (to.assumingMemoryBound(to: T.self), from.assumingMemoryBound(to: T.self))
    let (n, sy, sx) = (length, innerStrides[0], innerStrides[1])
    forEachRun { offset in
      let (out, input) = (y + offset[0], x + offset[1])
      if sy == 1 && sx == 1 {
        out.update(from: input, count: n)
      } else if sy == 1 && sx == 0 {
        out.update(repeating: input[0], count: n)
      } else {
        for i in 0..<n { out[i * sy] = input[i * sx] }
      }
    }
  }
}
