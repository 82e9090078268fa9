import Foundation
import Tensors
import Testing

@testable import Formats

/// Made with Pillow 12.
enum Sample {
  /// 7 x 5 pixels, numbered: element i of rows, columns, channels is 2 i.
  static let rgb = bytes(
    "89504e470d0a1a0a0000000d494844520000000700000005080200000006f8618f000000154944415478da636460"
      + "6261c3002c5a5a5ab4100500e002042c55af1b1e0000000049454e44ae426082")
  /// 4 x 3 pixels, red, green and (1, 2, 3) in turn, as a palette with 2 bits a pixel.
  static let palette = bytes(
    "89504e470d0a1a0a0000000d4948445200000004000000030203000000c99a46550000000c504c5445ff000000ff"
      + "0001020300000086926f3e0000000e4944415478da639060f264520500018a008bb4cf1ec50000000049454e44ae"
      + "426082")
  /// 2 x 2 pixels of 16 bits: 0, 16448, 32896, 49344.
  static let deep = bytes(
    "89504e470d0a1a0a0000000d4948445200000002000000021000000000074d8ebb0000001249444154789c636060"
      + "707060686838700000090a0301882b16980000000049454e44ae426082")
  /// Grey 10 and 200, with transparency.
  static let transparent = bytes(
    "89504e470d0a1a0a0000000d49484452000000020000000108040000005e2bb7010000000d49444154789c63e062"
      + "38d10000023d015371cbb59a0000000049454e44ae426082")
  /// 16 x 16 pixels, a slope of quality 90 without subsampling.
  static let jpeg = bytes(
    "ffd8ffe000104a46494600010100000100010000ffdb004300030202030202030303030403030405080505040405"
      + "0a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00"
      + "430103040405040509050509140d0b0d141414141414141414141414141414141414141414141414141414141414"
      + "1414141414141414141414141414141414141414ffc00011080010001003011100021101031101ffc40015000101"
      + "00000000000000000000000000000806ffc4001910000105000000000000000000000000000006072333a1ffc400"
      + "1501010100000000000000000000000000000005ffc40014110100000000000000000000000000000000ffda000c"
      + "03010002110311003f002a221b6ae2c2aa1100886dab8b00ab4436d5c58020110db571601fffd9")

  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
    }
  }
}

/// How Pillow's `resize(..., BILINEAR)` makes the 7 x 5 image another size.
struct Resizing: Sendable, CustomTestStringConvertible {
  let height, width: Int
  let part: [Double]?
  let expected: [UInt8]
  var testDescription: String { "\(height) x \(width)" }
}

@Suite struct DecodedImageTests {
  private func decode(_ bytes: [UInt8], channels: Int = 3) throws -> DecodedImage {
    try DecodedImage(bytes, "x", channels: channels)
  }

  @Test func readsColours() throws {
    let image = try decode(Sample.rgb)
    #expect((image.height, image.width) == (5, 7))
    #expect(image.pixels == (0..<105).map { UInt8(2 * $0) })
    let grey = try decode(Sample.rgb, channels: 1).pixels
    #expect(Array(grey[14..<21]) == [86, 92, 98, 104, 110, 116, 122])
  }

  @Test func readsPalettesDeepAndTransparentPixels() throws {
    let palette = try decode(Sample.palette).pixels
    #expect(Array(palette[..<12]) == [255, 0, 0, 0, 255, 0, 1, 2, 3, 255, 0, 0])
    #expect(try decode(Sample.deep, channels: 1).pixels == [0, 64, 128, 192])
    #expect(try decode(Sample.transparent).pixels == [10, 10, 10, 200, 200, 200])
  }

  @Test func readsJPEG() throws {
    let pixels = try decode(Sample.jpeg).pixels
    #expect(pixels.count == 768)
    // Decoders may differ by 1.
    for (found, wanted) in zip(Array(pixels[..<3] + pixels[765...]), [0, 20, 29, 210, 230, 239]) {
      #expect(abs(Int(found) - wanted) <= 1)
    }
    #expect(abs(pixels.reduce(0) { $0 + Int($1) } - 93142) < 200)
  }

  @Test(arguments: [
    (Array(Sample.rgb.dropLast(20)), "x: cannot be decoded as PNG: the file is cut short"),
    (Array(Sample.jpeg.dropLast(80)), "x: cannot be decoded as JPEG: Premature end of JPEG file"),
    (Array("GIF89a".utf8), "x: is neither PNG nor JPEG"), ([], "x: is neither PNG nor JPEG"),
  ])
  func explains(_ bytes: [UInt8], _ problem: String) {
    let error = #expect(throws: FileError.self) { try decode(bytes) }
    #expect(error?.description == problem)
  }

  @Test func survivesAnyDamage() {
    for sample in [Sample.rgb, Sample.palette, Sample.jpeg] {
      for i in sample.indices {
        var damaged = sample
        damaged[i] ^= 0x55
        _ = try? decode(damaged)
        _ = try? decode(Array(sample[..<i]))
      }
    }
  }

  @Test(arguments: [
    Resizing(
      height: 2, width: 3, part: nil,
      expected: [47, 49, 51, 60, 62, 64, 73, 75, 77, 131, 133, 135, 144, 146, 148, 157, 159, 161]),
    Resizing(
      height: 8, width: 9, part: nil,
      expected: [
        0, 2, 4, 4, 6, 8, 9, 11, 13, 13, 15, 17, 18, 20, 22, 23, 25, 27, 27, 29, 31, 32, 34, 36, 36, 38, 40,
        18, 20, 22, 22, 24, 26, 27, 29, 31, 31, 33, 35, 36, 38, 40, 41, 43, 45, 45, 47, 49, 50, 52, 54, 54,
        56, 58, 45, 47, 49, 49, 51, 53, 54, 56, 58, 58, 60, 62, 63, 65, 67, 68, 70, 72, 72, 74, 76, 77, 79,
        81, 81, 83, 85, 71, 73, 75, 75, 77, 79, 80, 82, 84, 84, 86, 88, 89, 91, 93, 94, 96, 98, 98, 100, 102,
        103, 105, 107, 107, 109, 111, 97, 99, 101, 101, 103, 105, 106, 108, 110, 110, 112, 114, 115, 117, 119,
        120, 122, 124, 124, 126, 128, 129, 131, 133, 133, 135, 137, 123, 125, 127, 127, 129, 131, 132, 134,
        136, 136, 138, 140, 141, 143, 145, 146, 148, 150, 150, 152, 154, 155, 157, 159, 159, 161, 163, 150,
        152, 154, 154, 156, 158, 159, 161, 163, 163, 165, 167, 168, 170, 172, 173, 175, 177, 177, 179, 181,
        182, 184, 186, 186, 188, 190, 168, 170, 172, 172, 174, 176, 177, 179, 181, 181, 183, 185, 186, 188,
        190, 191, 193, 195, 195, 197, 199, 200, 202, 204, 204, 206, 208,
      ]),
    Resizing(
      height: 4, width: 4, part: [0, 1, 5, 5],
      expected: [
        18, 20, 22, 26, 28, 30, 32, 34, 36, 40, 42, 44, 67, 69, 71, 75, 77, 79, 81, 83, 85, 89, 91, 93, 115,
        117, 119, 123, 125, 127, 129, 131, 133, 137, 139, 141, 165, 167, 169, 173, 175, 177, 179, 181, 183,
        187, 189, 191,
      ]),
  ])
  func resizesAsPillowDoes(_ resizing: Resizing) throws {
    let image = try decode(Sample.rgb)
    let part = resizing.part.map { ImagePart(top: $0[0], left: $0[1], height: $0[2], width: $0[3]) }
    var result = [UInt8](repeating: 0, count: resizing.height * resizing.width * 3)
    result.withUnsafeMutableBufferPointer {
      if let target = $0.baseAddress {
        image.resize(part ?? image.all, to: (resizing.height, resizing.width), into: target)
      }
    }
    // Pillow rounds between the two directions, this does not.
    for (found, wanted) in zip(result, resizing.expected) { #expect(abs(Int(found) - Int(wanted)) <= 1) }
  }

  @Test func cropsAroundTheMiddle() throws {
    let part = try decode(Sample.rgb).middle(proportions: (4, 4))
    #expect((part.top, part.left, part.height, part.width) == (0, 1, 5, 5))
  }
}

@Suite struct ImageFolderTests {
  private func write(_ folder: String, _ files: [String: [UInt8]]) throws {
    for (name, bytes) in files {
      let path = "\(folder)/\(name)"
      try FileManager.default.createDirectory(
        atPath: String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex)),
        withIntermediateDirectories: true)
      try AtomicFile.write(bytes, to: path)
    }
  }

  @Test func readsClassesInOrder() throws {
    try withTemporaryFolder { folder in
      try write(
        folder,
        [
          "dog/b.png": Sample.rgb, "dog/a.PNG": Sample.palette, "cat/x.jpg": Sample.jpeg,
          "cat/notes.txt": [1], "readme": [2],
        ])
      var reader = ImageFolder()
      reader.size = (4, 6)
      let data = try reader.read(folder)
      #expect(data.stored.shape == [3, 3, 4, 6] && data.stored.isChannelsLast)
      #expect(data.classNames == ["cat", "dog"])
      #expect(try data.targets.array(Int64.self) == [0, 1, 1])
      reader.channels = 1
      #expect(try reader.read(folder).stored.shape == [3, 1, 4, 6])
      let one = try Engine.withThreads(1) { try reader.read(folder).inputs.array(UInt8.self) }
      #expect(try Engine.withThreads(2) { try reader.read(folder).inputs.array(UInt8.self) } == one)
    }
  }

  @Test func explainsWhatIsWrong() throws {
    try withTemporaryFolder { folder in
      func problem() -> String? {
        let error = #expect(throws: FileError.self) { try ImageFolder().read(folder) }
        return error?.description.replacingOccurrences(of: folder, with: "F")
      }
      #expect(problem() == "F: has no folders; it should hold a folder of images for each class")
      try write(folder, ["a/1.png": Sample.rgb, "a/2.jpeg": Sample.jpeg])
      #expect(
        problem()
          == "F/a/2.jpeg: is 16 x 16, the first image is 5 x 7; choose one size for all with the option size")
      try write(folder, ["a/2.jpeg": [1, 2, 3]])
      #expect(problem() == "F/a/2.jpeg: is neither PNG nor JPEG")
      try write(folder, ["b/c.txt": []])
      #expect(
        problem() == "F/b: has no .png, .jpg or .jpeg files; take the folder away or fill it")
    }
    let error = #expect(throws: FileError.self) { try ImageFolder().read("/nowhere") }
    #expect(
      error?.description
        == "/nowhere: there is no such folder; give one that holds a folder of images for each class")
  }
}
