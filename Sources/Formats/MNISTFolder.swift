import Foundation
import Models
import Tensors

/// A folder with the four original files of MNIST, or of a data set of that form such as Fashion-MNIST.
public enum MNISTFolder {
  /// Training and test examples, inputs f32 [N, 1, 28, 28] in 0...1.
  public static func load(_ folder: String) throws -> (train: Dataset, test: Dataset) {
    guard FolderListing.isFolder(folder) else {
      throw FileError(folder, "there is no such folder; give the folder that holds the four MNIST files")
    }
    let missing = stems.filter { find($0, in: folder) == nil }
    guard missing.isEmpty else {
      throw FileError(folder, "has no \(missing.joined(separator: ", no ")) (with or without .gz)")
    }
    return (try part("train", folder), try part("t10k", folder))
  }

  private static let stems = ["train", "t10k"].flatMap {
    ["\($0)-images-idx3-ubyte", "\($0)-labels-idx1-ubyte"]
  }

  private static func part(_ name: String, _ folder: String) throws -> Dataset {
    func path(_ stem: String) -> String { find(stem, in: folder) ?? "\(folder)/\(stem)" }
    let (images, labels) = (path("\(name)-images-idx3-ubyte"), path("\(name)-labels-idx1-ubyte"))
    return try IDXFile.dataset(
      images: IDXFile.read(images), labels: IDXFile.read(labels), imagesPath: images, labelsPath: labels
    ).normalized(scale: 255)
  }

  /// The path of the file called `stem`: as it is or with .gz, and with a dot before `idx` as some mirrors
  /// have it.
  private static func find(_ stem: String, in folder: String) -> String? {
    let names = [stem, stem.replacingOccurrences(of: "-idx", with: ".idx")]
    return names.flatMap { ["\(folder)/\($0)", "\(folder)/\($0).gz"] }
      .first { FileManager.default.fileExists(atPath: $0) }
  }
}
