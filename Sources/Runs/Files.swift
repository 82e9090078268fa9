import Foundation

// The few things runs ask of a file system, by system call, so that each failure has its reason.

/// The text of a file, or of its first bytes.
func readText(_ path: String, atMost limit: Int = .max) throws -> String {
  String(decoding: try readBytes(path, atMost: limit), as: UTF8.self)
}

func readBytes(_ path: String, atMost limit: Int = .max) throws -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw RunError.system("read", path) }
  defer { close(descriptor) }

  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: min(limit, 1 << 16))
  while bytes.count < limit {
    let count = read(descriptor, &chunk, min(chunk.count, limit - bytes.count))
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw RunError.system("read", path) }
    guard count > 0 else { break }
    bytes += chunk[..<count]
  }
  return bytes
}

/// Gives a file new content in one step: whoever reads it, and whatever fails, finds the old or the new.
///
/// - Parameter synced: whether the content is on the disk before it takes the old one's place.
func replaceFile(_ path: String, with content: some Sequence<UInt8>, synced: Bool) throws {
  let temporary = path + ".tmp"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw RunError.system("write", path) }
  do {
    defer { close(descriptor) }
    guard writeAll(Array(content), to: descriptor) == nil, !synced || fsync(descriptor) == 0 else {
      throw RunError.system("write", path)
    }
  } catch {
    unlink(temporary)
    throw error
  }
  guard rename(temporary, path) == 0 else { throw RunError.system("replace", path) }
}

/// Writes every byte. Returns nil, or how many were written before `errno` was set.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int? {
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { return written }
    written += count
  }
  return nil
}

/// Makes a folder and those around it; an existing one is no error.
func makeFolders(_ path: String) throws {
  if mkdir(path, 0o755) == 0 { return }
  var code = errno
  if code == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
    try makeFolders(String(path[..<slash]))
    if mkdir(path, 0o755) == 0 { return }
    code = errno  // ENOENT again where a file system refuses folders, as /proc does
  }
  guard code == EEXIST, isFolder(path) else { throw RunError.system("make folder", path, code) }
}

func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The names in a folder that do not begin with a dot; none where there is no such folder.
func names(in folder: String) throws -> [String] {
  guard let stream = opendir(folder) else {
    guard errno == ENOENT else { throw RunError.system("read", folder) }
    return []
  }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if !name.hasPrefix(".") { names.append(name) }
  }
  return names
}
