import Foundation

/// The state of the git repository a script lies in. Its files are read directly: starting git costs a run
/// milliseconds; only whether there are uncommitted changes is git's to say.
public struct Revision: Codable, Equatable, Sendable {
  /// 40 hexadecimal digits.
  public var commit: String
  /// nil where HEAD is at no branch.
  public var branch: String?
  /// Whether a tracked file differs from the commit; nil where git could not be asked.
  public var dirty: Bool?
}

extension Revision {
  /// Of the repository around `folder`; nil where there is none, or no commit in it yet.
  static func find(around folder: String) -> Revision? {
    guard let repository = repository(around: folder),
      let head = firstLine(repository + "/HEAD")
    else { return nil }
    guard let reference = head.removing(prefix: "ref: ") else { return Revision(commit: head) }

    // A linked work tree keeps its HEAD apart and its branches in common.
    let common = firstLine(repository + "/commondir").map { absolute($0, in: repository) } ?? repository
    guard let commit = firstLine("\(common)/\(reference)") ?? packed(reference, in: common) else {
      return nil
    }
    return Revision(commit: commit, branch: reference.removing(prefix: "refs/heads/") ?? reference)
  }

  private static func repository(around folder: String) -> String? {
    var folder = folder
    while true {
      let candidate = folder + (folder.hasSuffix("/") ? ".git" : "/.git")
      if access(candidate + "/HEAD", R_OK) == 0 { return candidate }
      if let target = firstLine(candidate)?.removing(prefix: "gitdir: ") {
        return absolute(target, in: folder)
      }
      guard let slash = folder.lastIndex(of: "/"), folder != "/" else { return nil }
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
  }

  private static func packed(_ reference: String, in repository: String) -> String? {
    guard let text = try? readText(repository + "/packed-refs") else { return nil }
    for line in text.split(separator: "\n") where line.hasSuffix(" " + reference) {
      return String(line.prefix { $0 != " " })
    }
    return nil
  }

  private static func absolute(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") ? path : folder + "/" + path
  }

  private static func firstLine(_ path: String) -> String? {
    (try? readText(path))?.split(separator: "\n").first.map(String.init)
  }

  /// Asks git, which may take long in a large repository; nil where it is not installed or refuses.
  static func isDirty(_ folder: String) -> Bool? {
    let words = ["git", "--no-optional-locks", "-C", folder, "diff", "--quiet", "HEAD", "--"]
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
    }

    var child: pid_t = 0
    guard posix_spawnp(&child, "git", &actions, nil, &arguments, environ) == 0 else { return nil }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { return nil } }
    return switch status {
    case 0: false
    case 1 << 8: true
    default: nil
    }
  }
}

extension String {
  fileprivate func removing(prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }
}
