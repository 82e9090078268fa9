import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Buffers waiting to be used again, by size class.
///
/// A page fault costs 2.5 us per 4 KiB on the machines this was measured on, which makes a fresh 16 MB
/// buffer sixty times slower to fill than a warm one; so a tensor's memory is kept when the tensor goes.
/// Size classes are four to an octave: at most a fifth of a buffer is unused.
public enum BufferPool {
  /// Bytes of all tensors alive. The Lua host reads it to drive the collector.
  public static var liveBytes: Int { liveCounter.pointee }
  /// Where `liveBytes` is kept, for a reader that polls it after every call.
  public static var liveBytesAddress: UnsafePointer<Int> { UnsafePointer(liveCounter) }
  /// The most bytes that were ever alive at once.
  public static var peakBytes: Int { state.withLock { $0.peak } }
  /// How often memory was asked of the system because no kept buffer would do. Training at a steady pace does not
  /// make it grow.
  public static var freshBuffers: Int { state.withLock { $0.fresh } }
  /// Bytes kept for reuse.
  public static var pooledBytes: Int { state.withLock { $0.pooled } }

  private struct State {
    var free: [Int: [UInt]] = [:]
    var pooled = 0
    var peak = 0
    var fresh = 0
  }

  private static let state = Mutex(State())
  private nonisolated(unsafe) static let liveCounter: UnsafeMutablePointer<Int> = {
    let counter = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    counter.initialize(to: 0)
    return counter
  }()
  private static let physicalBytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  private static let hugePage = 2 << 20

  /// Rounds up to the size class: 64 bytes at least, then four classes to an octave.
  static func sizeClass(_ byteCount: Int) -> Int {
    if byteCount <= 64 { return 64 }
    let step = Swift.max(64, (1 << (Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount)) / 4)
    return (byteCount + step - 1) / step * step
  }

  static func take(_ byteCount: Int) throws(OutOfMemory) -> UnsafeMutableRawPointer {
    let size = sizeClass(byteCount)
    let reused = state.withLock { state -> UInt? in
      liveCounter.pointee += size
      state.peak = Swift.max(state.peak, liveCounter.pointee)
      guard let address = state.free[size]?.popLast() else {
        state.fresh += 1
        return nil
      }
      state.pooled -= size
      return address
    }
    if let reused, let pointer = UnsafeMutableRawPointer(bitPattern: reused) { return pointer }
    if let fresh = allocate(size) { return fresh }
    drain()
    if let fresh = allocate(size) { return fresh }
    state.withLock { _ in liveCounter.pointee -= size }
    throw OutOfMemory(byteCount: byteCount)
  }

  static func give(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    let size = sizeClass(byteCount)
    let kept = state.withLock { state -> Bool in
      liveCounter.pointee -= size
      guard state.pooled + size <= Swift.max(64 << 20, physicalBytes / 8) else { return false }
      state.free[size, default: []].append(UInt(bitPattern: pointer))
      state.pooled += size
      return true
    }
    if !kept { free(pointer) }
  }

  /// Gives everything that is kept for reuse back to the system.
  public static func drain() {
    let addresses = state.withLock { state -> [UInt] in
      defer { state.free = [:]; state.pooled = 0 }
      return state.free.values.flatMap { $0 }
    }
    for address in addresses { free(UnsafeMutableRawPointer(bitPattern: address)) }
  }

  private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size <= physicalBytes else { return nil }
    var pointer: UnsafeMutableRawPointer?
    guard posix_memalign(&pointer, size >= hugePage ? hugePage : 64, size) == 0 else { return nil }
    #if canImport(Glibc)
      if size >= hugePage, let pointer { madvise(pointer, size, MADV_HUGEPAGE) }
    #endif
    return pointer
  }
}

/// The bytes behind one tensor and all its views. Contents start undefined.
public final class Storage {
  public let pointer: UnsafeMutableRawPointer
  public let byteCount: Int
  /// Counts in-place changes, so that `backward` can tell when a value it needs was overwritten.
  public var version = 0

  /// Who frees the bytes, where it is not the pool: a file that is mapped into memory.
  private let owner: AnyObject?

  public init(byteCount: Int) throws {
    self.byteCount = byteCount
    owner = nil
    pointer = try BufferPool.take(byteCount)
  }

  /// Bytes that `owner` keeps alive and frees; they may be written to.
  public init(_ bytes: UnsafeMutableRawBufferPointer, owner: AnyObject) throws {
    guard let base = bytes.baseAddress else { throw OutOfMemory(byteCount: bytes.count) }
    (pointer, byteCount, self.owner) = (base, bytes.count, owner)
  }

  deinit { if owner == nil { BufferPool.give(pointer, byteCount) } }
}
