import CKernels

/// Zeroed memory aligned as packed weights and scratch memory must be, exactly `count` bytes long for a sanitizer.
final class AlignedMemory {
  let pointer: UnsafeMutableRawPointer

  init(_ count: Int) {
    pointer = .allocate(byteCount: max(count, 1), alignment: Int(QK_ALIGNMENT))
    pointer.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  deinit { pointer.deallocate() }
}

/// Runs `write` on an array of `count` elements with canaries around it.
///
/// - Returns: the elements, and whether all canaries lived.
func guarded<Element: FixedWidthInteger>(
  _ count: Int, of type: Element.Type = Element.self, _ write: (UnsafeMutablePointer<Element>) -> Void
) -> (elements: [Element], intact: Bool) {
  let margin = 64
  let canary = Element(truncatingIfNeeded: 0xA5A5_A5A5)
  var memory = [Element](repeating: canary, count: count + 2 * margin)
  memory.withUnsafeMutableBufferPointer { write($0.baseAddress! + margin) }
  let intact = (memory.prefix(margin) + memory.suffix(margin)).allSatisfy { $0 == canary }
  return (Array(memory[margin..<margin + count]), intact)
}
