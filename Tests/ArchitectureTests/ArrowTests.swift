import Testing

/// Dependencies point downwards only: see docs/architecture.md.
@Suite struct ArrowTests {
  /// What the files of a room may import, apart from the system's own modules.
  static let arrows: [String: Set<String>] = [
    "qscript": ["Bindings", "Runs", "LuaHost", "CEdit", "COutput", "ArgumentParser"],
    "Bindings": [
      "LuaHost", "Runs", "Formats", "Deployment", "Compression", "Models", "Tensors", "CResources", "COutput",
    ],
    "LuaHost": ["CLuaBridge"],
    "Runs": ["GRDB"],
    "Formats": ["Deployment", "Compression", "Models", "Tensors", "CZlib", "CImages"],
    "Deployment": ["Compression", "Models", "Tensors", "CKernels", "CResources"],
    "Compression": ["Models", "Tensors", "CKernels"],
    "Models": ["Tensors", "CKernels"],
    "Tensors": ["CKernels", "COneDNN", "CThreads"],
  ]

  static let system: Set<String> = ["Dispatch", "Foundation", "Synchronization", "Glibc", "Darwin"]

  /// The one C room, beside the module map, that may include a library's headers.
  static let libraries: [(header: String, rooms: Set<String>)] = [
    ("<lua", ["CLuaBridge", "CLua"]), ("<lauxlib", ["CLuaBridge", "CLua"]), ("<oneapi", ["COneDNN"]),
    ("<dnnl", ["COneDNN"]), ("<zlib", ["CZlib"]), ("<editline", ["CEdit"]), ("<png", ["CImages"]),
    ("<jpeglib", ["CImages"]),
  ]

  @Test func `every room imports only what lies below it`() throws {
    for file in try SourceFile.all() where file.isSwift {
      let allowed = try #require(Self.arrows[file.room], "\(file.room) is not in the table of arrows")
      for module in file.imports where !Self.system.contains(module) {
        #expect(allowed.contains(module), "\(file.path) imports \(module)")
      }
    }
  }

  @Test func `the arrows make no circle`() {
    func below(_ room: String, _ path: [String]) {
      #expect(!path.contains(room), "\((path + [room]).joined(separator: " -> "))")
      guard !path.contains(room) else { return }
      for next in Self.arrows[room, default: []] { below(next, path + [room]) }
    }
    for room in Self.arrows.keys { below(room, []) }
  }

  @Test func `a library's headers are included in one C room only`() throws {
    for file in try SourceFile.all() where !file.isSwift {
      for line in file.lines where line.hasPrefix("#include") {
        for library in Self.libraries where line.contains(library.header) {
          #expect(library.rooms.contains(file.room), "\(file.path): \(line)")
        }
      }
    }
  }
}

extension SourceFile {
  /// Modules named by `import`, with or without attributes, access level or kind before the name.
  fileprivate var imports: [String] {
    lines.compactMap { line in
      let words = line.split(separator: " ")
      guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
        words[..<at].allSatisfy({
          $0.hasPrefix("@") || ["public", "internal", "private", "package"].contains($0)
        })
      else { return nil }
      let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
      let name = kinds.contains(words[at + 1]) && at + 2 < words.count ? words[at + 2] : words[at + 1]
      return String(name.prefix { $0 != "." })
    }
  }
}
