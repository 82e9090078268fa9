import Formats
import LuaHost
import Models
import Tensors

extension DataLibrary {
  /// The readers of `qs.data`.
  static var files: [Function] { [mnist, idx, npz, npy, csv, cifar10, images] }

  private static var mnist: Function {
    Function(
      "mnist",
      "The four original files of MNIST or of data in its form, gzipped or not: [N, 1, 28, 28] from 0 to 1.",
      .required("folder", String.self, "where the files are"), returns: "dataset, dataset"
    ) { folder in
      let (train, test) = try MNISTFolder.load(folder)
      return LuaResults(DatasetObject(train), DatasetObject(test))
    }
  }

  private static var idx: Function {
    Function(
      "idx",
      "Images and labels from two IDX files: u8 [N, 1, H, W]; see normalized. Gzipped, or plain and then mapped.",
      .required("images", String.self, "the file of images"),
      .required("labels", String.self, "the file of labels")
    ) { images, labels in
      DatasetObject(
        try IDXFile.dataset(
          images: IDXFile.read(images), labels: IDXFile.read(labels), imagesPath: images, labelsPath: labels))
    }
  }

  private static var npz: Function {
    Function(
      "npz", "Inputs and targets from two arrays of a .npz file.", .required("path", String.self, "the file"),
      .option("inputs", default: "x", "the name of the array [N, ...]"),
      .option("targets", default: "y", "the name of the array [N] of whole numbers, classes from 0")
    ) { path, inputs, targets in
      DatasetObject(try Npz.dataset(path, inputs: inputs, targets: targets))
    }
  }

  private static var npy: Function {
    Function(
      "npy", "Inputs and targets from two .npy files. They are mapped: read as batches ask for them.",
      .required("inputs", String.self, "the file of inputs [N, ...]"),
      .required("targets", String.self, "the file of targets [N], whole numbers, classes from 0")
    ) { inputs, targets in DatasetObject(try Npy.dataset(inputs: inputs, targets: targets)) }
  }

  private static var csv: Function {
    Function(
      "csv",
      "Rows of numbers with a column of classes, gzipped or not: f32 [N, columns - 1]. Labels that are no whole numbers "
        + "become classes in alphabetical order.",
      .required("path", String.self, "the file"),
      .option(
        "label", default: OneOf<Int, String>.first(-1),
        "the column of the classes: its name, or its number from 1"),
      .option("header", Bool?.self, "whether the first line names the columns; found out where left out"),
      .option(
        "separator", default: ",", "between columns: one character, such as \"\\t\"",
        Rule("be one ASCII character") { $0.utf8.count == 1 })
    ) { path, label, header, separator in
      var file = CSVFile()
      switch label {
      case .first(let number):
        try require(number != 0, "csv", "option 'label' counts columns from 1, or from the end with -1")
        file.label = .place(number > 0 ? number - 1 : number)
      case .second(let name): file.label = .name(name)
      }
      file.header = header
      file.separator = separator.utf8.first ?? file.separator
      return DatasetObject(try file.read(path))
    }
  }

  private static var cifar10: Function {
    Function(
      "cifar10",
      "CIFAR-10's binary files, gzipped or not: u8 [N, 3, 32, 32]; see normalized. Of a folder, data_batch_*.bin and "
        + "test_batch.bin (nil where it is absent); or one file, which is mapped if it is not gzipped.",
      .required("path", String.self, "the folder or file"), returns: "dataset, dataset?"
    ) { path in
      let (train, test) = try CIFARFile.load(path)
      return LuaResults(DatasetObject(train), test.map(DatasetObject.init))
    }
  }

  private static var images: Function {
    Function(
      "images",
      "A folder with a folder of PNG or JPEG images for each class: u8 [N, channels, H, W]; see normalized. Images are "
        + "resized with a triangle filter, widened where they shrink (Pillow's and PyTorch's antialiased bilinear).",
      .required("folder", String.self, "its folders' names are the classes"),
      .option(
        "size", Size2d?.self, "of all images: n or {height, width}; left out, they must have one size already"
      ),
      .option("fit", default: ImageFit.stretch, "\"crop\": cut the middle out to keep the proportions"),
      .option("channels", default: 3, "3, or 1 for grey", Rule("be 1 or 3") { $0 == 1 || $0 == 3 })
    ) { folder, size, fit, channels in
      var reader = ImageFolder()
      if let size {
        try require(size.height > 0 && size.width > 0, "images", "option 'size' must be positive")
        reader.size = (size.height, size.width)
      }
      reader.fit = fit == .crop ? .crop : .stretch
      reader.channels = channels
      return DatasetObject(try reader.read(folder))
    }
  }
}

enum ImageFit: String, LuaEnum { case stretch, crop }
