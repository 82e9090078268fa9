#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file could not be read or written, or does not hold what it should.
public struct FileError: Error, CustomStringConvertible {
  public let path: String
  public let problem: String

  public init(_ path: String, _ problem: String) {
    self.path = path
    self.problem = Self.oneLine(problem)
  }

  /// What a problem quotes of a file may hold line ends, and may be long.
  private static func oneLine(_ text: String) -> String {
    let longest = 2000
    let isPlain = text.utf8.count <= longest && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    if isPlain { return text }
    let shown = text.unicodeScalars.prefix(longest).map { scalar in
      scalar.properties.generalCategory == .control
        ? scalar.escaped(asASCII: true) : String(Character(scalar))
    }
    return shown.joined() + (text.unicodeScalars.count > longest ? " ..." : "")
  }

  /// The system refused what was to be done, such as `read`, with this code.
  init(_ path: String, cannotBe done: String, _ code: Int32) {
    self.init(path, "cannot be \(done): \(Self.reason(code))")
  }

  public var description: String { "\(path): \(problem)" }

  /// What the system's error code means to a user.
  private static func reason(_ code: Int32) -> String {
    switch code {
    case ENOENT: "there is no such file or folder"
    case EACCES, EPERM: "no permission; choose another folder or change its permissions"
    case EROFS: "the file system is read-only; choose another folder"
    case ENOSPC, EDQUOT: "the disk is full; free some space and run again"
    case ENOTDIR: "a part of the path is not a folder"
    default: String(cString: strerror(code)).lowercased()
    }
  }
}

/// Whole files: read at once, or written so that a reader sees the old file or the new one, never a part.
public enum AtomicFile {
  /// Writes beside `path`, syncs, renames. On an error nothing is left behind and an older file stays.
  /// What is no regular file (a pipe, a device) is written to directly.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    var status = stat()
    let isSpecial = stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
    if isSpecial { return try put(bytes, path, reportedAs: path) }
    let temporary = "\(path).tmp-\(getpid())"
    do {
      try put(bytes, temporary, reportedAs: path)
      guard rename(temporary, path) == 0 else { throw FileError(path, cannotBe: "written", errno) }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  private static func put(_ bytes: [UInt8], _ target: String, reportedAs path: String) throws {
    let file = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw FileError(path, cannotBe: "written", errno) }
    defer { close(file) }
    try bytes.withUnsafeBytes { try writeAll(file, $0, path) }
    // A device such as /dev/null cannot be synced, which is no failure.
    guard fsync(file) == 0 || errno == EINVAL || errno == EROFS else {
      throw FileError(path, cannotBe: "written", errno)
    }
  }

  private static func writeAll(_ file: Int32, _ bytes: UnsafeRawBufferPointer, _ path: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = systemWrite(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw FileError(path, cannotBe: "written", errno) }
      rest = rest.dropFirst(written)
    }
  }

  public static func read(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw FileError(path, cannotBe: "read", errno) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw FileError(path, cannotBe: "read", errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw FileError(path, "is a folder, not a file") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.st_size))
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { chunk.deallocate() }
    while true {
      let count = systemRead(file, chunk.baseAddress, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw FileError(path, cannotBe: "read", errno) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }
}

#if canImport(Glibc)
  private let systemWrite = Glibc.write
  private let systemRead = Glibc.read
#else
  private let systemWrite = Darwin.write
  private let systemRead = Darwin.read
#endif
