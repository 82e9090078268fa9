print("qscript")
