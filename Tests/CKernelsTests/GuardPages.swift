import Foundation

/// An array that ends where readable memory does: a kernel that goes past its end crashes.
final class PagedArray<Element: BitwiseCopyable> {
  let pointer: UnsafeMutablePointer<Element>
  private let count: Int
  private let pages: UnsafeMutableRawPointer
  private let size: Int

  init(_ elements: [Element]) {
    let page = Int(getpagesize()), bytes = elements.count * MemoryLayout<Element>.stride
    let usable = (bytes + page - 1) / page * page
    (count, size) = (elements.count, usable + page)
    pages = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
    precondition(pages != MAP_FAILED && mprotect(pages + usable, page, PROT_NONE) == 0)
    pointer = (pages + usable - bytes).bindMemory(to: Element.self, capacity: max(count, 1))
    pointer.initialize(from: elements, count: count)
  }

  convenience init(repeating element: Element, count: Int) {
    self.init(Array(repeating: element, count: count))
  }

  deinit { munmap(pages, size) }

  var elements: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
