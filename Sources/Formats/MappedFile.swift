#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file's bytes in memory without reading them: pages come when they are touched, and a write to one makes a copy
/// of its page that the file never sees.
public final class MappedFile {
  public let path: String
  public let bytes: UnsafeMutableRawBufferPointer
  /// Set where the bytes were read instead: an empty file, or none that can be mapped, such as a pipe.
  private let isRead: Bool

  public init(_ path: String) throws {
    self.path = path
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw FileError(path, cannotBe: "read", errno) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else {
      throw FileError(path, cannotBe: "read", errno)
    }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw FileError(path, "is a folder, not a file") }
    let count = Int(status.st_size)
    let place =
      count > 0 && status.st_mode & S_IFMT == S_IFREG
      ? mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0) : MAP_FAILED
    isRead = place == MAP_FAILED
    if let place, place != MAP_FAILED {
      bytes = UnsafeMutableRawBufferPointer(start: place, count: count)
    } else {
      let read = try AtomicFile.read(path)
      bytes = .allocate(byteCount: read.count, alignment: 64)
      bytes.copyBytes(from: read)
    }
  }

  /// Bytes that come from elsewhere than a file; `path` is what errors call them.
  public init(copying content: [UInt8], as path: String) {
    self.path = path
    isRead = true
    bytes = .allocate(byteCount: content.count, alignment: 64)
    bytes.copyBytes(from: content)
  }

  /// The bytes of a part of the file.
  func part(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: bytes[range])
  }

  deinit {
    if isRead { bytes.deallocate() } else { munmap(bytes.baseAddress, bytes.count) }
  }
}
