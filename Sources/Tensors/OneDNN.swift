import COneDNN

/// The border to the C face over oneDNN.
enum OneDNN {
  /// Turns a status into an error that names the op.
  static func check(_ status: od_status, _ function: String) throws {
    if status == OD_OK { return }
    let problem = String(cString: od_last_error())
    throw ShapeError(function, status == OD_OUT_OF_MEMORY ? "out of memory: \(problem)" : problem)
  }
}
