import Foundation

/// The machine a run was on.
public struct Machine: Codable, Equatable, Sendable {
  public var host: String
  /// The processor's own name, such as `Intel(R) Xeon(R) Processor @ 2.10GHz`.
  public var cpu: String
  /// Available to the system, with hyperthreads.
  public var cores: Int
  public var memoryBytes: Int64
  /// Which kernels were chosen, in the caller's words.
  public var instructionSet: String
  /// Distribution and kernel.
  public var system: String

  /// This machine. Reads a few files of the system, in well under a millisecond.
  public static func current(instructionSet: String) -> Machine {
    var names = utsname()
    uname(&names)
    return Machine(
      host: text(of: &names.nodename),
      cpu: value(of: "model name", separator: ":", in: "/proc/cpuinfo") ?? text(of: &names.machine),
      cores: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      memoryBytes: Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE))),
      instructionSet: instructionSet,
      system: [
        value(of: "PRETTY_NAME", separator: "=", in: "/etc/os-release"),
        text(of: &names.sysname) + " " + text(of: &names.release),
      ].compactMap { $0 }.joined(separator: ", "))
  }

  private static func text<T>(of field: inout T) -> String {
    withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The first `key<separator>value` line of a small text file, without quotation marks.
  private static func value(of key: String, separator: Character, in path: String) -> String? {
    // Of /proc/cpuinfo the first processor will do; the whole of it takes the kernel long on large machines.
    guard let text = try? readText(path, atMost: 4096) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
      guard let at = line.firstIndex(of: separator) else { continue }
      return String(line[line.index(after: at)...].drop { $0 == " " || $0 == "\"" }.prefix { $0 != "\"" })
    }
    return nil
  }
}
