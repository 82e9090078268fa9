import CImages
import Models
import Tensors

/// A folder with a folder of PNG or JPEG images for each class, as PyTorch's ImageFolder reads them: classes in the
/// alphabetical order of the folders' names, images in that of the files'.
public struct ImageFolder {
  public enum Fit: Sendable {
    /// The whole image, height and width scaled apart.
    case stretch
    /// The largest part around the middle that has the proportions asked for.
    case crop
  }

  /// Height and width of all images; nil: they have one size already.
  public var size: (height: Int, width: Int)?
  public var fit = Fit.stretch
  /// 3, or 1 for grey (0.299 red + 0.587 green + 0.114 blue).
  public var channels = 3

  public init() {}

  /// All images, u8 [N, channels, H, W], channels innermost in memory; decoded and resized (see `ResizedImage`) by as
  /// many threads as compute.
  public func read(_ folder: String) throws -> Dataset {
    let (files, classNames) = try list(folder)
    let first = try decode(files[0].path)
    let size = size ?? (first.height, first.width)
    let shape = try Shape(checking: [files.count, channels, size.height, size.width], for: "images")
    let images = try Tensor(undefined: shape, .u8, format: .channelsLast)
    let target = ImageTarget(pixels: images.bytes, bytesPerImage: size.height * size.width * channels)
    try ThreadTeam.run(parts: files.count, threads: Engine.threads) { part, _ in
      let path = files[part].path
      let image = try decode(path)
      guard self.size != nil || (image.height, image.width) == size else {
        throw FileError(
          path,
          "is \(image.height) x \(image.width), the first image is \(size.height) x \(size.width); "
            + "choose one size for all with the option size")
      }
      let fitting = fit == .crop ? image.middle(proportions: size) : image.all
      image.resize(fitting, to: size, into: target.image(part))
    }
    return try Dataset(
      inputs: images, targets: Tensor([files.count], files.map(\.target)), classNames: classNames)
  }

  private func list(_ folder: String) throws -> ([(path: String, target: Int64)], [String]) {
    let names = try FolderListing.names(folder, "one that holds a folder of images for each class")
      .filter { FolderListing.isFolder("\(folder)/\($0)") }
    guard !names.isEmpty else {
      throw FileError(folder, "has no folders; it should hold a folder of images for each class")
    }
    var files: [(String, Int64)] = []
    for (target, name) in names.enumerated() {
      let images = try FolderListing.names("\(folder)/\(name)", "a folder of images").filter(Self.isImage)
      guard !images.isEmpty else {
        throw FileError(
          "\(folder)/\(name)", "has no .png, .jpg or .jpeg files; take the folder away or fill it")
      }
      files += images.map { ("\(folder)/\(name)/\($0)", Int64(target)) }
    }
    return (files, names)
  }

  private static func isImage(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".png", ".jpg", ".jpeg"].contains { lower.hasSuffix($0) }
  }

  private func decode(_ path: String) throws -> DecodedImage {
    try DecodedImage(AtomicFile.read(path), path, channels: channels)
  }
}

/// Where the images go; every thread writes to its own.
private struct ImageTarget: @unchecked Sendable {
  let pixels: UnsafeMutableRawPointer
  let bytesPerImage: Int

  func image(_ place: Int) -> UnsafeMutablePointer<UInt8> {
    (pixels + place * bytesPerImage).assumingMemoryBound(to: UInt8.self)
  }
}

/// The pixels of one file, rows from the top, channels innermost.
struct DecodedImage {
  let height, width, channels: Int
  let pixels: [UInt8]

  /// - Parameter channels: 1 or 3, whatever the file has.
  init(_ bytes: [UInt8], _ path: String, channels: Int) throws {
    var image = ci_image()
    var message = [CChar](repeating: 0, count: Int(CI_ERROR_SIZE))
    guard ci_decode(bytes, bytes.count, &image, &message) else {
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw FileError(path, String(decoding: text, as: UTF8.self))
    }
    defer { ci_free(&image) }
    (height, width, self.channels) = (image.height, image.width, channels)
    let stored = UnsafeBufferPointer(start: image.pixels, count: height * width * image.channels)
    switch (image.channels, channels) {
    case (1, 3): pixels = stored.flatMap { [$0, $0, $0] }
    case (3, 1):
      pixels = (0..<(height * width)).map { i in
        // ITU-R BT.601 in 16 bits, as Pillow and libjpeg round it.
        let sum = 19595 * Int(stored[3 * i]) + 38470 * Int(stored[3 * i + 1]) + 7471 * Int(stored[3 * i + 2])
        return UInt8((sum + 0x8000) >> 16)
      }
    default: pixels = Array(stored)
    }
  }

  init(height: Int, width: Int, channels: Int, pixels: [UInt8]) {
    (self.height, self.width, self.channels, self.pixels) = (height, width, channels, pixels)
  }
}
