"""How a run gets its access token: a function that gives each request's Authorization header.

    bearer                 a token that somebody else got
    smart                  logs in as a SMART client, and renews the token
      client_file          who the client is, read from a file
      discovery            where the server says that its authorization server is
      standalone           a user logs in with a browser; gives an authorization code
        loopback           takes the answer that the browser brings
      client_assertion     the client signs that it is itself
      token_request        asks for a token
    login_error            why there is none

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/
"""
