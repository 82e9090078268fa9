import Models
import Tensors

/// Models of TensorFlow Lite, float and int8.
public enum TFLiteFile {
  /// Reads a model as a graph whose images are [N, C, H, W]; quantized layers become integer layers with the file's
  /// scales and zero points.
  public static func read(_ path: String) throws -> Graph { try read(MappedFile(path)) }

  static func read(_ file: MappedFile) throws -> Graph {
    do {
      return try TFLiteImporter(TFLiteModel(file)).run()
    } catch let refusal as TFLiteRefusal {
      throw FileError(file.path, refusal.problem)
    } catch let damage as FlatbufferTable.Malformed {
      throw FileError(file.path, damage.problem)
    } catch let error as ShapeError {
      throw FileError(file.path, "\(error)")
    }
  }
}
