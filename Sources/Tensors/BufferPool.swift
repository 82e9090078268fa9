import CThreads
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
    /// The address of the first free buffer of each size class, 0 for none; it begins with the address of the next.
    var free = InlineArray<160, UInt>(repeating: 0)
    var pooled = 0
    var peak = 0
    var fresh = 0
  }

  private static let state = Mutex(State())
  private nonisolated(unsafe) static let liveCounter: UnsafeMutablePointer<Int> = {
    qt_keep_small_blocks()
    let counter = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    counter.initialize(to: 0)
    return counter
  }()
  private static let physicalBytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  private static let mostPooled = Swift.max(64 << 20, physicalBytes / 8)
  private static let hugePage = 2 << 20

  /// The size class of so many bytes: 64 at least, up to 256 in steps of 64, then four classes to an octave.
  static func sizeClass(_ byteCount: Int) -> (index: Int, size: Int) {
    if byteCount <= 256 {
      let lines = Swift.max(1, (byteCount + 63) / 64)
      return (lines - 1, lines * 64)
    }
    let octave = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount
    let step = 1 << (octave - 2)
    let steps = (byteCount + step - 1) / step  // 5 to 8
    return (4 * (octave - 8) + steps - 1, steps * step)
  }

  static func take(_ byteCount: Int) throws(OutOfMemory) -> UnsafeMutableRawPointer {
    guard byteCount <= physicalBytes else { throw OutOfMemory(byteCount: byteCount) }
    let (index, size) = sizeClass(byteCount)
    let reused = state.withLock { state -> UInt in
      liveCounter.pointee += size
      state.peak = Swift.max(state.peak, liveCounter.pointee)
      return pop(index, size, &state)
    }
    if let pointer = UnsafeMutableRawPointer(bitPattern: reused) { return pointer }
    if let fresh = allocate(size) { return fresh }
    drain()
    if let fresh = allocate(size) { return fresh }
    state.withLock { _ in liveCounter.pointee -= size }
    throw OutOfMemory(byteCount: byteCount)
  }

  static func give(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    let (index, size) = sizeClass(byteCount)
    let address = UInt(bitPattern: pointer)
    let kept = state.withLock { state -> Bool in
      liveCounter.pointee -= size
      guard state.pooled + size <= mostPooled else { return false }
      push(address, index, size, &state)
      return true
    }
    if !kept { free(pointer) }
  }

  @inline(__always)
  private static func pop(_ index: Int, _ size: Int, _ state: inout State) -> UInt {
    let address = state.free[index]
    if let first = UnsafePointer<UInt>(bitPattern: address) {
      state.free[index] = first.pointee
      state.pooled -= size
    } else {
      state.fresh += 1
    }
    return address
  }

  @inline(__always)
  private static func push(_ address: UInt, _ index: Int, _ size: Int, _ state: inout State) {
    UnsafeMutablePointer<UInt>(bitPattern: address)?.pointee = state.free[index]
    state.free[index] = address
    state.pooled += size
  }

  /// Gives everything that is kept for reuse back to the system.
  public static func drain() {
    var lists = state.withLock { state in
      defer { (state.free, state.pooled) = (InlineArray(repeating: 0), 0) }
      return state.free
    }
    for index in lists.indices {
      while let first = UnsafeMutablePointer<UInt>(bitPattern: lists[index]) {
        lists[index] = first.pointee
        free(first)
      }
    }
  }

  private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
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
  /// When the bytes were last changed in place, so that `backward` can tell when a value it needs was overwritten.
  @exclusivity(unchecked)
  public private(set) var changed = 0

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

  /// To be called after every change in place.
  public func markChanged() { changed = Moment.next() }

  deinit { if owner == nil { BufferPool.give(pointer, byteCount) } }
}
