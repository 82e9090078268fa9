import CResources
import Formats
import LuaHost
import Models
import Tensors

/// `qs.data`: data sets.
enum DataLibrary {
  static var library: Library {
    Library(
      "qs.data", "Data sets.",
      [
        Function(
          "digits",
          "The UCI handwritten digits, carried inside the program: 1,437 examples to train on and 360 to test, "
            + "[N, 1, 8, 8] from 0 to 1. " + String(cString: qr_digits_license()).replacing("\n", with: " "),
          returns: "dataset, dataset"
        ) {
          let (train, test) = try Digits.split(try embeddedDigits())
          return LuaResults(DatasetObject(train), DatasetObject(test))
        },
        Function(
          "mnist",
          "The four original files of MNIST or of data in its form, gzipped or not: [N, 1, 28, 28] from 0 to 1.",
          .required("folder", String.self, "where the files are"), returns: "dataset, dataset"
        ) { folder in
          let (train, test) = try MNISTFolder.load(folder)
          return LuaResults(DatasetObject(train), DatasetObject(test))
        },
        Function(
          "idx", "Images and labels from two IDX files, gzipped or not: u8 [N, 1, H, W]; see normalized.",
          .required("images", String.self, "the file of images"),
          .required("labels", String.self, "the file of labels")
        ) { images, labels in
          DatasetObject(
            try IDXFile.dataset(
              images: IDXFile.read(images), labels: IDXFile.read(labels), imagesPath: images,
              labelsPath: labels))
        },
        Function(
          "tensors", "A data set of tensors.", .required("inputs", Tensor.self, "[N, ...]"),
          .required("targets", Tensor.self, "[N], i64, classes from 0"),
          .option("class_names", [String]?.self, "what the classes are called")
        ) { inputs, targets, names in
          DatasetObject(try Dataset(inputs: inputs, targets: targets, classNames: names))
        },
      ])
  }

  private static func embeddedDigits() throws -> Dataset {
    let (images, labels) = (resource(qr_digits_images), resource(qr_digits_labels))
    return try IDXFile.dataset(
      images: IDXFile.decode(images, path: "digits (images)"),
      labels: IDXFile.decode(labels, path: "digits (labels)"),
      imagesPath: "digits (images)", labelsPath: "digits (labels)")
  }

  private static func resource(_ file: (UnsafeMutablePointer<Int>?) -> UnsafePointer<UInt8>?) -> [UInt8] {
    var count = 0
    let start = file(&count)
    return [UInt8](UnsafeBufferPointer(start: start, count: count))
  }
}
