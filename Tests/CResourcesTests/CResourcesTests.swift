import CResources
import Foundation
import Testing

@Suite struct CResourcesTests {
  static let sources = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Sources").standardized

  @Test func `the digits are 1,797 images of 8 x 8 and as many labels, in IDX form`() {
    var count = 0
    let images = UnsafeBufferPointer(start: qr_digits_images(&count), count: count)
    #expect(Array(images.prefix(16)) == [0, 0, 8, 3, 0, 0, 7, 5, 0, 0, 0, 8, 0, 0, 0, 8])
    #expect(images.count == 16 + 1797 * 64)
    #expect(images.dropFirst(16).max() == 16)

    let labels = UnsafeBufferPointer(start: qr_digits_labels(&count), count: count)
    #expect(Array(labels.prefix(8)) == [0, 0, 8, 1, 0, 0, 7, 5])
    #expect(labels.count == 8 + 1797)
    #expect(Set(labels.dropFirst(8)) == Set(0...9))
  }

  @Test func `the digits name their authors and licence`() {
    let license = String(cString: qr_digits_license())
    #expect(license.contains("E. Alpaydin and C. Kaynak"))
    #expect(license.contains("CC BY 4.0"))
  }

  @Test func `every Lua file of Bindings is embedded byte for byte, and nothing else is`() throws {
    let embedded = (0..<qr_lua_module_count()).map { String(cString: qr_lua_module_name($0)) }
    try expectFiles(
      of: "Bindings/Lua", ".lua", embedded.map { (Self.file(of: $0), $0) }, text: qr_lua_module)
  }

  @Test func `every C file that stands alone is embedded byte for byte, and nothing else is`() throws {
    let embedded = (0..<qr_c_source_count()).map { String(cString: qr_c_source_name($0)) }
    try expectFiles(
      of: "CKernels/include/plain", ".h", embedded.map { ($0, $0) }, except: "plain.h", text: qr_c_source)
  }

  /// A folder's files but one are the embedded ones.
  private func expectFiles(
    of folder: String, _ ending: String, _ embedded: [(file: String, name: String)],
    except left: String? = nil,
    text: (UnsafePointer<CChar>?, UnsafeMutablePointer<Int>?) -> UnsafePointer<CChar>?
  ) throws {
    let folder = Self.sources.appending(path: folder)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasSuffix(ending) && $0 != left
    }
    #expect(embedded.map(\.file).sorted() == files.sorted())
    for (file, name) in embedded {
      var length = 0
      let bytes = try #require(text(name, &length))
      #expect(
        try Data(bytes: bytes, count: length) == Data(contentsOf: folder.appending(path: file)), "\(name)")
    }
  }

  /// The file of a module: `repl.lua` is `repl`, or `qscript.repl` for those who require it.
  private static func file(of module: String) -> String {
    "\(module.split(separator: ".").last ?? "").lua"
  }

  @Test func `an unknown module or file is absent`() {
    var length = 0
    #expect(qr_lua_module("no such module", &length) == nil)
    #expect(qr_lua_module_name(qr_lua_module_count()) == nil)
    #expect(qr_c_source("no such file", &length) == nil)
    #expect(qr_c_source_name(qr_c_source_count()) == nil)
  }
}
