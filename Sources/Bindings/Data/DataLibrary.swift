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
          "tensors", "A data set of tensors.", .required("inputs", Tensor.self, "[N, ...]"),
          .required("targets", Tensor.self, "[N], i64, classes from 0"),
          .option("class_names", [String]?.self, "what the classes are called")
        ) { inputs, targets, names in
          DatasetObject(try Dataset(inputs: inputs, targets: targets, classNames: names))
        },
        AugmentationObject.function,
      ] + files)
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
