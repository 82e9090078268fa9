import CKernels

/// One choice of instruction sets this processor can run; kernel tests run once for each.
struct Level: CustomStringConvertible, Sendable {
  let description: String
  let isa: UInt32

  /// "portable" first.
  static let runnable: [Level] = {
    var count = 0
    let levels = UnsafeBufferPointer(start: qk_isa_levels(&count), count: count)
    return levels.filter { $0.isa & ~qk_cpu() == 0 }.map {
      Level(description: String(cString: $0.name), isa: $0.isa)
    }
  }()
}
